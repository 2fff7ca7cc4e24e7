"""Wrong answers to `conv`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import conv as reference
import numpy as np

from autograder.testing import mutant

# -------------------------------------------------------------------------------------------------------------- sizes


@mutant("output_size", killed_by="test_output_sizes_of_the_handout")
def padding_counted_once(size, window, stride=1, padding=0):
    reference.output_size(size, window, stride, padding)
    return (size + padding - window) // stride + 1


@mutant("output_size", killed_by="test_output_sizes_of_the_handout")
def rounded_up(size, window, stride=1, padding=0):
    reference.output_size(size, window, stride, padding)
    return -(-(size + 2 * padding - window) // stride) + 1


@mutant("output_size", killed_by="test_output_size_counts_the_windows_that_fit")
def rounded_to_the_nearest(size, window, stride=1, padding=0):
    reference.output_size(size, window, stride, padding)
    return round((size + 2 * padding - window) / stride + 1.001)


@mutant("output_size", killed_by="test_windows_that_do_not_fit_are_refused")
def nothing_is_too_large(size, window, stride=1, padding=0):
    return max(0, (size + 2 * padding - window) // stride + 1)


@mutant("output_size", killed_by="test_windows_that_do_not_fit_are_refused")
def a_stride_of_zero_counts_as_one(size, window, stride=1, padding=0):
    return reference.output_size(size, window, max(stride, 1), padding)


@mutant("output_size", killed_by="test_windows_that_do_not_fit_are_refused")
def a_padding_below_zero_cuts_off(size, window, stride=1, padding=0):
    if padding < 0 < size + 2 * padding - window and stride > 0 < window:
        return (size + 2 * padding - window) // stride + 1
    return reference.output_size(size, window, stride, padding)


@mutant("receptive_field", killed_by="test_receptive_field_of_the_handout")
def windows_multiplied(layers):
    return int(np.prod([window for window, _ in layers]))


@mutant("receptive_field", killed_by="test_receptive_field_of_the_handout")
def without_the_strides_before(layers):
    return 1 + sum(window - 1 for window, _ in layers)


@mutant("receptive_field", killed_by="test_receptive_field_is_what_one_output_sees")
def times_its_own_stride_too(layers):
    field, step = 1, 1
    for window, stride in layers:
        step *= stride if window > 2 else 1
        field += (window - 1) * step
        step *= 1 if window > 2 else stride
    return field


# -------------------------------------------------------------------------------------------------------- convolution


@mutant("conv2d_forward", killed_by="test_convolution_of_the_handout")
def kernel_flipped(x, w, b, stride=1, padding=0):
    out, (x, _, stride, padding) = reference.conv2d_forward(x, w[:, :, ::-1, ::-1], b, stride, padding)
    return out, (x, w, stride, padding)


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def square_kernels_transposed(x, w, b, stride=1, padding=0):
    square = w.shape[2] == w.shape[3]
    out, _ = reference.conv2d_forward(x, w.transpose(0, 1, 3, 2) if square else w, b, stride, padding)
    return out, (x, w, reference._pair(stride), reference._pair(padding))


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def kernels_and_channels_swapped(x, w, b, stride=1, padding=0):
    swapped = w.transpose(1, 0, 2, 3) if w.shape[0] == w.shape[1] else w
    out, _ = reference.conv2d_forward(x, np.ascontiguousarray(swapped), b, stride, padding)
    return out, (x, w, reference._pair(stride), reference._pair(padding))


@mutant("conv2d_forward", killed_by="test_convolution_of_the_handout")
def without_the_bias(x, w, b, stride=1, padding=0):
    return reference.conv2d_forward(x, w, np.zeros_like(b), stride, padding)


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def bias_along_the_columns(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, np.zeros_like(b), stride, padding)
    return (out + b if out.shape[3] == len(b) else out + b[:, None, None]), cache


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def only_the_first_channel(x, w, b, stride=1, padding=0):
    out, _ = reference.conv2d_forward(x[:, :1], w[:, :1], b, stride, padding)
    reference.conv2d_forward(x, w, b, stride, padding)
    return out, (x, w, reference._pair(stride), reference._pair(padding))


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def reshaped_where_it_should_be_transposed(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    mixed = np.ascontiguousarray(out.transpose(1, 0, 2, 3)).reshape(out.shape)
    return mixed, cache


@mutant("conv2d_forward", killed_by="test_strides_and_paddings_have_two_axes")
def stride_of_the_rows_on_both_axes(x, w, b, stride=1, padding=0):
    return reference.conv2d_forward(x, w, b, reference._pair(stride)[0], padding)


@mutant("conv2d_forward", killed_by="test_stride_and_padding_of_the_handout")
def stride_along_the_rows_only(x, w, b, stride=1, padding=0):
    return reference.conv2d_forward(x, w, b, (reference._pair(stride)[0], 1), padding)


@mutant("conv2d_forward", killed_by="test_strides_and_paddings_have_two_axes")
def rows_and_columns_of_the_padding_swapped(x, w, b, stride=1, padding=0):
    rows, columns = reference._pair(padding)
    if rows + columns and min(x.shape[2] + 2 * columns - w.shape[2], x.shape[3] + 2 * rows - w.shape[3]) >= 0:
        padding = columns, rows
    return reference.conv2d_forward(x, w, b, stride, padding)


@mutant("conv2d_forward", killed_by="test_strides_and_paddings_have_two_axes")
def padded_with_the_edges(x, w, b, stride=1, padding=0):
    (rows, columns), cache = reference._pair(padding), reference.conv2d_forward(x, w, b, stride, padding)[1]
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)), mode="edge")
    return reference.conv2d_forward(padded, w, b, stride, 0)[0], cache


@mutant("conv2d_forward", killed_by="test_convolution_is_linear")
def padded_with_ones(x, w, b, stride=1, padding=0):
    (rows, columns), cache = reference._pair(padding), reference.conv2d_forward(x, w, b, stride, padding)[1]
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)), constant_values=1)
    return reference.conv2d_forward(padded, w, b, stride, 0)[0], cache


@mutant("conv2d_forward", killed_by="test_convolution_moves_with_its_maps")
def windows_counted_from_the_lower_end(x, w, b, stride=1, padding=0):
    _, cache = reference.conv2d_forward(x, w, b, stride, padding)
    out, _ = reference.conv2d_forward(x[:, :, ::-1, ::-1], w[:, :, ::-1, ::-1], b, stride, padding)
    return out[:, :, ::-1, ::-1], cache


@mutant("conv2d_forward", killed_by="test_rows_that_no_window_reaches_do_not_matter")
def a_window_more_where_the_map_is_torn(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    rows, columns = ((x.shape[2 + axis] + 2 * cache[3][axis] - w.shape[2 + axis]) % cache[2][axis] for axis in (0, 1))
    if rows or columns:
        padded = np.pad(x, ((0, 0), (0, 0), (0, rows and cache[2][0] - rows), (0, columns and cache[2][1] - columns)))
        return reference.conv2d_forward(padded, w, b, stride, padding)
    return out, cache


@mutant("conv2d_forward", killed_by="test_convolution_of_one_picture_or_none")
def squeezed(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    return (out[0] if len(out) == 1 else out), cache


@mutant("conv2d_forward", killed_by="test_convolution_of_one_picture_or_none")
def the_last_side_left_to_numpy(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    return out.reshape(len(x), -1, *out.shape[2:]), cache


@mutant("conv2d_forward", killed_by="test_convolution_keeps_float32")
def an_output_of_float64(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    result = np.zeros(out.shape)
    result += out
    return result, cache


@mutant("conv2d_forward", killed_by="test_convolution_leaves_its_arguments_alone")
def kernels_flattened_and_scaled_in_place(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    w *= 1 + 1e-6
    return out, cache


@mutant("conv2d_forward", killed_by="test_impossible_convolutions_are_refused")
def channels_that_are_too_many_ignored(x, w, b, stride=1, padding=0):
    return reference.conv2d_forward(x, w[:, : x.shape[1]], b, stride, padding)


@mutant("conv2d_forward", killed_by="test_impossible_convolutions_are_refused")
def an_empty_output_for_what_does_not_fit(x, w, b, stride=1, padding=0):
    try:
        return reference.conv2d_forward(x, w, b, stride, padding)
    except ValueError:
        if w.shape[1] != x.shape[1]:
            raise
        return np.zeros((len(x), len(w), 0, 0)), None


@mutant("conv2d_forward", killed_by="test_convolution_does_not_loop_over_pixels")
def forward_in_three_loops(x, w, b, stride=1, padding=0):
    stride, padding = reference._pair(stride), reference._pair(padding)
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    padded = reference._padded(x, padding)
    p, q = w.shape[2:]
    for i in range(out.shape[0]):
        for r in range(out.shape[2]):
            for s in range(out.shape[3]):
                top, left = r * stride[0], s * stride[1]
                window = padded[i, :, top : top + p, left : left + q]
                out[i, :, r, s] = (w * window).sum(axis=(1, 2, 3)) + b
    return out, cache


# ---------------------------------------------------------------------------------------------------------- gradients


@mutant("conv2d_backward", killed_by="test_gradients_of_the_handout")
def overlapping_windows_overwritten(dout, cache):
    x, w, stride, padding = cache
    dx, dw, db = reference.conv2d_backward(dout, cache)
    dpadded = reference._padded(np.zeros_like(dx), padding)
    for (u, t), view in reference._slices(dpadded, w.shape[2:], stride):
        view[...] = np.einsum("nkrs,kc->ncrs", dout, w[:, :, u, t])
    h, v = x.shape[2:]
    return dpadded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + v], dw, db


@mutant("conv2d_backward", killed_by="test_gradients_of_the_handout")
def kernel_flipped_on_the_way_back(dout, cache):
    x, w, stride, padding = cache
    dx, _, _ = reference.conv2d_backward(dout, (x, w[:, :, ::-1, ::-1], stride, padding))
    return dx, *reference.conv2d_backward(dout, cache)[1:]


@mutant("conv2d_backward", killed_by="test_gradients_of_the_handout")
def gradients_of_the_kernels_flipped(dout, cache):
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx, dw[:, :, ::-1, ::-1], db


@mutant("conv2d_backward", killed_by="test_gradients_have_the_shapes_of_their_arrays")
def padding_not_cut_off(dout, cache):
    x, w, stride, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    dx, _, _ = reference.conv2d_backward(dout, (reference._padded(x, padding), w, stride, (0, 0)))
    return dx, dw, db


@mutant("conv2d_backward", killed_by="test_map_gradients_agree_with_differences")
def padding_cut_off_at_the_wrong_end(dout, cache):
    x, w, stride, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    dx, _, _ = reference.conv2d_backward(dout, (reference._padded(x, padding), w, stride, (0, 0)))
    return dx[:, :, : x.shape[2], : x.shape[3]], dw, db


@mutant("conv2d_backward", killed_by="test_gradients_are_exact")
def padding_sliced_off_by_minus_nothing(dout, cache):
    x, w, stride, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    whole, _, _ = reference.conv2d_backward(dout, (reference._padded(x, padding), w, stride, (0, 0)))
    return whole[:, :, padding[0] : -padding[0], padding[1] : -padding[1]], dw, db


@mutant("conv2d_backward", killed_by="test_kernel_gradients_agree_with_differences")
def kernels_gradient_from_maps_without_padding(dout, cache):
    x, w, stride, padding = cache
    dx, dw, db = reference.conv2d_backward(dout, cache)
    moved = np.zeros_like(x)
    h, v = x.shape[2:]
    moved[:, :, padding[0] :, padding[1] :] = x[:, :, : max(0, h - padding[0]), : max(0, v - padding[1])]
    return dx, (reference.conv2d_backward(dout, (moved, w, stride, padding))[1] if any(padding) else dw), db


@mutant("conv2d_backward", killed_by="test_kernel_gradients_agree_with_differences")
def averaged_over_the_examples(dout, cache):
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx, dw / max(1, len(dout)), db


@mutant("conv2d_backward", killed_by="test_kernel_gradients_agree_with_differences")
def stride_forgotten_for_the_kernels(dout, cache):
    x, w, _, padding = cache
    dx, _, db = reference.conv2d_backward(dout, cache)
    padded = reference._padded(x, padding)
    dw = np.zeros_like(w)
    for u in range(w.shape[2]):
        for t in range(w.shape[3]):
            part = padded[:, :, u : u + dout.shape[2], t : t + dout.shape[3]]
            dw[:, :, u, t] = np.einsum("nkrs,ncrs->kc", dout[:, :, : part.shape[2], : part.shape[3]], part)
    return dx, dw, db


@mutant("conv2d_backward", killed_by="test_map_gradients_agree_with_differences")
def stride_forgotten_for_the_maps(dout, cache):
    x, w, _, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    dpadded = reference._padded(np.zeros_like(x), padding)
    for u in range(w.shape[2]):
        for t in range(w.shape[3]):
            part = dpadded[:, :, u : u + dout.shape[2], t : t + dout.shape[3]]
            part += np.einsum("nkrs,kc->ncrs", dout, w[:, :, u, t])[:, :, : part.shape[2], : part.shape[3]]
    h, v = x.shape[2:]
    return dpadded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + v], dw, db


@mutant("conv2d_backward", killed_by="test_bias_gradients_sum_over_examples_and_places")
def bias_over_the_wrong_axes(dout, cache):
    dx, dw, db = reference.conv2d_backward(dout, cache)
    wrong = dout.sum(axis=(1, 2, 3))
    return dx, dw, (wrong if wrong.shape == db.shape and len(db) > 1 else db)


@mutant("conv2d_backward", killed_by="test_gradients_of_the_handout")
def bias_averaged_over_the_places(dout, cache):
    dx, dw, _ = reference.conv2d_backward(dout, cache)
    return dx, dw, dout.mean(axis=(2, 3)).sum(axis=0)


@mutant("conv2d_backward", killed_by="test_bias_gradients_sum_over_examples_and_places")
def bias_of_the_first_example(dout, cache):
    dx, dw, _ = reference.conv2d_backward(dout, cache)
    return dx, dw, dout[:1].sum(axis=(0, 2, 3))


@mutant("conv2d_backward", killed_by="test_backward_is_the_adjoint_of_convolution")
def channels_and_kernels_swapped_on_the_way_back(dout, cache):
    x, w, stride, padding = cache
    dx, dw, db = reference.conv2d_backward(dout, cache)
    if w.shape[0] == w.shape[1]:
        dx, _, _ = reference.conv2d_backward(dout, (x, w.transpose(1, 0, 2, 3).copy(), stride, padding))
    return dx, dw, db


@mutant("conv2d_backward", killed_by="test_gradients_of_one_picture_or_none")
def one_picture_without_its_axis(dout, cache):
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx.squeeze() if len(dx) == 1 else dx, dw, db


@mutant("conv2d_backward", killed_by="test_gradients_of_one_picture_or_none")
def means_over_no_examples(dout, cache):
    dx, dw, db = reference.conv2d_backward(dout, cache)
    with np.errstate(all="ignore"):
        return dx, dw, np.float64(len(dout)) * (db / np.float64(len(dout))).astype(db.dtype)


@mutant("conv2d_backward", killed_by="test_backward_can_be_called_twice")
def gradients_summed_up_in_the_cache(dout, cache):
    dx, dw, db = reference.conv2d_backward(dout, cache)
    cache[1][...] *= 1.5
    return dx, dw, db


@mutant("conv2d_forward", killed_by="test_backward_can_be_called_twice")
def a_cache_that_is_used_up(x, w, b, stride=1, padding=0):
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    return out, iter(cache)


@mutant("conv2d_forward", killed_by="test_each_cache_belongs_to_its_own_forward")
def one_layer_object_for_all(x, w, b, stride=1, padding=0, layer=type("Layer", (), {})()):  # noqa: B008
    out, layer.cache = reference.conv2d_forward(x, w, b, stride, padding)
    type(layer).__iter__ = lambda self: iter(self.cache)
    return out, layer


@mutant("conv2d_forward", killed_by="test_gradients_of_the_handout")
def its_output_in_the_cache(x, w, b, stride=1, padding=0):
    out, (_, w, stride, padding) = reference.conv2d_forward(x, w, b, stride, padding)
    wrong = np.zeros_like(x)
    part = out[:, :1, : x.shape[2], : x.shape[3]]
    wrong[:, :, : part.shape[2], : part.shape[3]] = part
    return out, (wrong, w, stride, padding)


@mutant("conv2d_backward", killed_by="test_gradients_keep_float32")
def gradients_in_float64(dout, cache):
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx.astype(np.float64), dw, db


@mutant("conv2d_backward", killed_by="test_convolution_does_not_loop_over_pixels")
def backward_in_three_loops(dout, cache):
    x, w, stride, padding = cache
    padded = reference._padded(x, padding)
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    p, q = w.shape[2:]
    for i in range(dout.shape[0]):
        for r in range(dout.shape[2]):
            for s in range(dout.shape[3]):
                place = np.s_[i, :, r * stride[0] : r * stride[0] + p, s * stride[1] : s * stride[1] + q]
                d = dout[i, :, r, s].reshape(-1, 1, 1, 1)
                dw += d * padded[place]
                dpadded[place] += (d * w).sum(axis=0)
    h, v = x.shape[2:]
    dx = dpadded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + v]
    return dx, dw, dout.sum(axis=(0, 2, 3))


# -------------------------------------------------------------------------------------------------------- max pooling


@mutant("max_pool_forward", killed_by="test_max_pooling_of_the_handout")
def windows_side_by_side_whatever_the_stride(x, window, stride):
    return reference.max_pool_forward(x, window, window)


@mutant("max_pool_forward", killed_by="test_max_pooling_takes_the_greatest")
def nothing_below_zero(x, window, stride):
    out, cache = reference.max_pool_forward(x, window, stride)
    return np.maximum(out, 0), cache


@mutant("max_pool_forward", killed_by="test_max_pooling_takes_the_greatest")
def greatest_in_absolute_value(x, window, stride):
    out, cache = reference.max_pool_forward(np.abs(x), window, stride)
    return np.where(out == reference.max_pool_forward(x, window, stride)[0], out, -out), cache


@mutant("max_pool_forward", killed_by="test_max_pooling_takes_the_greatest")
def square_windows_only(x, window, stride):
    reference.max_pool_forward(x, window, stride)
    side = min(reference._pair(window))
    return reference.max_pool_forward(x, side, stride)


@mutant("max_pool_forward", killed_by="test_max_pooling_takes_the_greatest")
def a_torn_window_at_the_end(x, window, stride):
    reference.max_pool_forward(x, window, stride)
    window, stride = reference._pair(window), reference._pair(stride)
    more = [-(x.shape[2 + axis] - window[axis]) % stride[axis] for axis in (0, 1)]
    padded = np.pad(x, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), constant_values=-np.inf)
    return reference.max_pool_forward(padded, window, stride)


@mutant("max_pool_backward", killed_by="test_max_pooling_gradients_of_the_handout")
def overlaps_overwritten(dout, cache):
    shape, winner, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for number, (_, view) in enumerate(reference._slices(dx, window, stride)):
        np.copyto(view, dout, where=winner == number)
    return dx


@mutant("max_pool_backward", killed_by="test_gradients_of_overlapping_windows_add_up")
def overlaps_added_with_fancy_indices(dout, cache):
    shape, winner, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    n, c, r, s = np.indices(dout.shape)
    u, t = np.divmod(winner, window[1])
    dx[n, c, r * stride[0] + u, s * stride[1] + t] += dout  # each entry once only, however often it is named
    return dx


@mutant("max_pool_backward", killed_by="test_the_greatest_entry_gets_the_gradient")
def a_one_where_the_gradient_belongs(dout, cache):
    return reference.max_pool_backward(np.ones_like(dout), cache)


@mutant("max_pool_backward", killed_by="test_the_greatest_entry_gets_the_gradient")
def to_all_entries_of_a_window(dout, cache):
    shape, _, window, stride = cache
    return reference.avg_pool_backward(dout * np.prod(window), (shape, window, stride)).astype(dout.dtype)


@mutant("max_pool_forward", killed_by="test_ties_share_one_gradient")
def gradient_to_all_equal_maxima(x, window, stride):
    out, (shape, _, window, stride) = reference.max_pool_forward(x, window, stride)
    views = [view == out for _, view in reference._slices(x, window, stride)]

    class Winner:
        def __eq__(self, number):
            return views[number]

    class Cache:
        def __iter__(self):
            return iter((shape, Winner(), window, stride))

    return out, Cache()


@mutant("max_pool_backward", killed_by="test_max_pooling_of_one_picture_or_none")
def one_map_without_its_axes(dout, cache):
    dx = reference.max_pool_backward(dout, cache)
    return dx[0] if len(dx) == 1 else dx


@mutant("max_pool_forward", killed_by="test_max_pooling_of_one_picture_or_none")
def places_left_to_numpy(x, window, stride):
    out, cache = reference.max_pool_forward(x, window, stride)
    return out.reshape(len(x), -1, *out.shape[2:]), cache


@mutant("max_pool_backward", killed_by="test_max_pooling_keeps_float32")
def pooled_gradients_in_float64(dout, cache):
    return reference.max_pool_backward(dout.astype(np.float64), cache)


@mutant("max_pool_forward", killed_by="test_max_pooling_leaves_its_arguments_alone")
def the_greatest_crossed_out_in_place(x, window, stride):
    answer = reference.max_pool_forward(x, window, stride)
    x[x == x.max(initial=-np.inf)] = 0
    return answer


@mutant("max_pool_backward", killed_by="test_max_pooling_leaves_its_arguments_alone")
def upstream_scaled_in_place(dout, cache):
    dx = reference.max_pool_backward(dout, cache)
    dout *= 0
    return dx


@mutant("max_pool_forward", killed_by="test_impossible_max_pooling_is_refused")
def windows_made_to_fit(x, window, stride):
    window = [min(side, room) for side, room in zip(reference._pair(window), x.shape[2:], strict=True)]
    return reference.max_pool_forward(x, window, stride)


@mutant("max_pool_forward", killed_by="test_max_pooling_does_not_loop_over_pixels")
def maxima_in_loops(x, window, stride):
    out, cache = reference.max_pool_forward(x, window, stride)
    (p, q), (down, right) = reference._pair(window), reference._pair(stride)
    for i in range(out.shape[0]):
        for r in range(out.shape[2]):
            for s in range(out.shape[3]):
                patch = x[i, :, r * down : r * down + p, s * right : s * right + q]
                out[i, :, r, s] = patch.max(axis=(1, 2))
    return out, cache


@mutant("max_pool_backward", killed_by="test_max_pooling_does_not_loop_over_pixels")
def maxima_back_in_loops(dout, cache):
    shape, winner, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    channels = np.arange(shape[1])
    for i in range(dout.shape[0]):
        for r in range(dout.shape[2]):
            for s in range(dout.shape[3]):
                u, t = np.divmod(winner[i, :, r, s], window[1])
                dx[i, channels, r * stride[0] + u, s * stride[1] + t] += dout[i, :, r, s]
    return dx


# ---------------------------------------------------------------------------------------------------- average pooling


@mutant("avg_pool_forward", killed_by="test_average_pooling_of_the_handout")
def divided_by_the_side(x, window, stride):
    out, cache = reference.avg_pool_forward(x, window, stride)
    return out * reference._pair(window)[1], cache


@mutant("avg_pool_forward", killed_by="test_average_pooling_takes_the_mean")
def divided_by_the_rows_squared(x, window, stride):
    out, cache = reference.avg_pool_forward(x, window, stride)
    p, q = reference._pair(window)
    return out * np.asarray(q / p, x.dtype), cache


@mutant("avg_pool_backward", killed_by="test_average_pooling_of_the_handout")
def not_divided_on_the_way_back(dout, cache):
    _, window, _ = cache
    return reference.avg_pool_backward(dout, cache) * np.asarray(np.prod(window), dout.dtype)


@mutant("avg_pool_backward", killed_by="test_average_pooling_shares_its_gradient_out")
def divided_by_the_area_of_the_stride(dout, cache):
    _, window, stride = cache
    return reference.avg_pool_backward(dout, cache) * np.asarray(np.prod(window) / np.prod(stride), dout.dtype)


@mutant("avg_pool_backward", killed_by="test_average_pooling_shares_its_gradient_out")
def each_gradient_repeated_over_its_stride(dout, cache):
    shape, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    wide = np.repeat(np.repeat(dout, stride[0], axis=2), stride[1], axis=3) / np.asarray(np.prod(window), dout.dtype)
    part = wide[:, :, : shape[2], : shape[3]]
    dx[:, :, : part.shape[2], : part.shape[3]] = part
    return dx


@mutant("avg_pool_backward", killed_by="test_average_pooling_of_the_handout")
def shares_overwritten(dout, cache):
    shape, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for _, view in reference._slices(dx, window, stride):
        view[...] = dout / np.asarray(np.prod(window), dout.dtype)
    return dx


@mutant("avg_pool_forward", killed_by="test_average_pooling_of_one_picture_or_none")
def means_of_float64(x, window, stride):
    out, cache = reference.avg_pool_forward(x, window, stride)
    return out.astype(np.float64), cache


@mutant("avg_pool_backward", killed_by="test_average_pooling_leaves_its_arguments_alone")
def shared_out_in_place(dout, cache):
    shape, window, stride = cache
    dout /= np.prod(window)
    return reference.avg_pool_backward(dout, (shape, window, stride)) * np.asarray(np.prod(window), dout.dtype)


@mutant("avg_pool_forward", killed_by="test_impossible_average_pooling_is_refused")
def means_over_what_there_is(x, window, stride):
    window = [min(side, room) for side, room in zip(reference._pair(window), x.shape[2:], strict=True)]
    return reference.avg_pool_forward(x, window, stride)


@mutant("avg_pool_forward", killed_by="test_average_pooling_does_not_loop_over_pixels")
def means_in_loops(x, window, stride):
    out, cache = reference.avg_pool_forward(x, window, stride)
    (p, q), (down, right) = reference._pair(window), reference._pair(stride)
    for i in range(out.shape[0]):
        for r in range(out.shape[2]):
            for s in range(out.shape[3]):
                patch = x[i, :, r * down : r * down + p, s * right : s * right + q]
                out[i, :, r, s] = patch.mean(axis=(1, 2))
    return out, cache


@mutant("avg_pool_backward", killed_by="test_average_pooling_does_not_loop_over_pixels")
def means_back_in_loops(dout, cache):
    shape, (p, q), (down, right) = cache
    dx = np.zeros(shape, dout.dtype)
    for i in range(dout.shape[0]):
        for r in range(dout.shape[2]):
            for s in range(dout.shape[3]):
                part = dx[i, :, r * down : r * down + p, s * right : s * right + q]
                part += dout[i, :, r, s, None, None] / (p * q)
    return dx


# ------------------------------------------------------------------------------------------------------------ network


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def half_the_variance(image_shape, kernels, size, classes, rng):
    return [(w / np.sqrt(2), b) for w, b in reference.initialize(image_shape, kernels, size, classes, rng)]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def fan_in_without_the_channels(image_shape, kernels, size, classes, rng):
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    return [(w * np.sqrt(w.shape[1]) if w.ndim == 4 else w, b) for w, b in params]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def by_the_fan_out(image_shape, kernels, size, classes, rng):
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    return [(w * np.sqrt(w.shape[1] / w.shape[0]) if w.ndim == 4 else w, b) for w, b in params]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def uniform_with_the_same_variance(image_shape, kernels, size, classes, rng):
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    fans = [np.prod(w.shape[1:]) if w.ndim == 4 else len(w) for w, _ in params]
    return [
        (rng.uniform(-np.sqrt(6 / fan), np.sqrt(6 / fan), w.shape), b) for (w, b), fan in zip(params, fans, strict=True)
    ]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def from_the_global_generator(image_shape, kernels, size, classes, rng):
    return reference.initialize(image_shape, kernels, size, classes, np.random)


@mutant("initialize", killed_by="test_the_network_has_the_promised_shapes")
def halved_once_and_divided_by_four_later(image_shape, kernels, size, classes, rng):
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    features = kernels[1] * (image_shape[1] * image_shape[2] // 16)
    return [*params[:2], (rng.normal(0, np.sqrt(2 / features), (features, classes)), np.zeros(classes))]


@mutant("initialize", killed_by="test_networks_that_cannot_be_are_refused")
def even_kernels_made_odd(image_shape, kernels, size, classes, rng):
    return reference.initialize(image_shape, kernels, size | 1, classes, rng)


@mutant("initialize", killed_by="test_networks_that_cannot_be_are_refused")
def pictures_padded_until_they_are_large_enough(image_shape, kernels, size, classes, rng):
    return reference.initialize(np.maximum(image_shape, (1, 4, 4)), kernels, size, classes, rng)


@mutant("forward", killed_by="test_the_network_is_its_formula")
def without_relu_before_the_dense_layer(x, params):
    a, first = reference.conv2d_forward(x, *params[0], 1, (params[0][0].shape[2] // 2, params[0][0].shape[3] // 2))
    a, pooled = reference.max_pool_forward(np.maximum(a, 0), 2, 2)
    w, b = params[1]
    a, second = reference.conv2d_forward(a, w, b, 1, (w.shape[2] // 2, w.shape[3] // 2))
    a, last = reference.max_pool_forward(a, 2, 2)
    return a.reshape(len(a), -1) @ params[2][0] + params[2][1], (first, pooled, second, last)


@mutant("forward", killed_by="test_the_network_is_its_formula")
def padding_of_the_rows_on_both_axes(x, params):
    square = []
    for w, b in params[:-1]:
        side = max(w.shape[2:])
        grown = np.zeros((*w.shape[:2], side, side))
        grown[:, :, : w.shape[2], : w.shape[3]] = w  # in a corner, not in the middle
        square.append((grown, b))
    return reference.forward(x, [*square, params[-1]])


@mutant("forward", killed_by="test_the_network_is_its_formula")
def flattened_with_the_channels_last(x, params):
    _, (caches, flat, w, shape) = reference.forward(x, params)
    flat = flat.reshape(shape).transpose(0, 2, 3, 1).reshape(flat.shape)
    return flat @ w + params[-1][1], (caches, flat, w, shape)


@mutant("forward", killed_by="test_the_network_is_its_formula")
def without_the_last_bias(x, params):
    z, cache = reference.forward(x, params)
    return z - params[-1][1], cache


@mutant("backward", killed_by="test_the_networks_gradients_are_exact")
def relus_open_on_the_way_back(dz, cache):
    caches, *rest = cache
    return reference.backward(dz, ([(conv, np.ones_like(open_), pool) for conv, open_, pool in caches], *rest))


@mutant("forward", killed_by="test_the_networks_gradients_are_exact")
def open_where_relu_is_zero(x, params):
    z, (caches, *rest) = reference.forward(x, params)
    return z, ([(conv, open_ >= 0, pool) for conv, open_, pool in caches], *rest)


@mutant("backward", killed_by="test_the_networks_gradients_are_exact")
def both_blocks_with_the_first_one_on_top(dz, cache):
    caches, *rest = cache
    swapped = caches[::-1] if caches[0][1].shape == caches[1][1].shape else caches
    grads = reference.backward(dz, (swapped, *rest))
    return [(dw * 2, db) if dw.ndim == 4 else (dw, db) for dw, db in grads]


@mutant("backward", killed_by="test_the_networks_gradients_are_exact")
def averaged_a_second_time(dz, cache):
    return reference.backward(dz / len(dz), cache)


@mutant("backward", killed_by="test_the_networks_gradients_are_exact")
def upstream_changed_in_place(dz, cache):
    grads = reference.backward(dz, cache)
    dz[...] = 0
    return grads


@mutant("train", killed_by="test_every_batch_makes_its_step")
def loss_summed_over_the_batch(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    return reference.train(
        x, y, params, learning_rate=learning_rate * min(batch_size, len(x)), epochs=epochs, batch_size=batch_size,
        rng=rng, log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_every_batch_makes_its_step")
def last_batch_dropped(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    kept = len(x) // batch_size * batch_size
    return reference.train(
        x[:kept], y[:kept], params, learning_rate=learning_rate, epochs=epochs if kept else 0, batch_size=batch_size,
        rng=rng, log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_every_batch_makes_its_step")
def params_changed_in_place(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    trained = reference.train(
        x, y, params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=rng, log=log
    )
    for (w, b), (new_w, new_b) in zip(params, trained, strict=True):
        w[...], b[...] = new_w, new_b
    return trained


@mutant("train", killed_by="test_every_batch_makes_its_step")
def epochs_counted_from_zero(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    def earlier(epoch, loss, accuracy):
        if log is not None:
            log(epoch=epoch - 1, loss=loss, accuracy=accuracy)

    return reference.train(
        x, y, params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=rng, log=earlier
    )


@mutant("train", killed_by="test_every_batch_makes_its_step")
def means_of_the_batches_means(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, losses, right = rng.permutation(len(x)), [], []
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            z, cache = reference.forward(x[chosen], params)
            loss, dz = reference._cross_entropy(z, y[chosen])
            for (w, b), (dw, db) in zip(params, reference.backward(dz / len(chosen), cache), strict=True):
                w -= learning_rate * dw
                b -= learning_rate * db
            losses.append(loss.mean())
            right.append((z.argmax(axis=1) == y[chosen]).mean())
        if log is not None:
            log(epoch=epoch, loss=float(np.mean(losses)), accuracy=float(np.mean(right)))
    return params


@mutant("train", killed_by="test_train_tells_stripes_apart")
def up_the_gradient(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    return reference.train(
        x, y, params, learning_rate=-learning_rate, epochs=epochs, batch_size=batch_size, rng=rng, log=log
    )


@mutant("train", killed_by="test_an_epochs_order_comes_from_rng")
def always_in_the_same_order(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    return reference.train(
        x, y, params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=np.random.default_rng(0),
        log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_an_epochs_order_comes_from_rng")
def labels_shuffled_apart_from_their_pictures(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    return reference.train(
        x, rng.permutation(y), params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=rng,
        log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_the_network_reads_letters")
def only_the_first_hundred_pictures_since_it_was_debugged(x, y, params, **options):
    return reference.train(x[:100], y[:100], params, **options)
