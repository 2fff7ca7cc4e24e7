"""Wrong answers to `conv`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import conv as reference
import numpy as np

from autograder.testing import mutant

# -------------------------------------------------------------------------------------------------------------- sizes


@mutant("output_size", killed_by="test_output_size_counts_the_windows_that_fit")
def padding_counted_once(size, window, stride=1, padding=0):
    """You count the padding at one end of the axis only.

    Handout: Maps, windows, and how many fit
    """
    reference.output_size(size, window, stride, padding)
    return (size + padding - window) // stride + 1


@mutant("output_size", killed_by="test_output_size_counts_the_windows_that_fit")
def rounded_up(size, window, stride=1, padding=0):
    """You round up, so you count a window that would reach beyond the end.

    Handout: Maps, windows, and how many fit
    """
    reference.output_size(size, window, stride, padding)
    return -(-(size + 2 * padding - window) // stride) + 1


@mutant("output_size", killed_by="test_output_size_counts_the_windows_that_fit")
def rounded_to_the_nearest(size, window, stride=1, padding=0):
    """You round to the nearest integer, so you sometimes count a window too many.

    Handout: Maps, windows, and how many fit
    """
    reference.output_size(size, window, stride, padding)
    return round((size + 2 * padding - window) / stride + 1.001)


@mutant("output_size", killed_by="test_windows_that_do_not_fit_are_refused")
def nothing_is_too_large(size, window, stride=1, padding=0):
    """You never raise ValueError, and return 0 if no window fits.

    Handout: Maps, windows, and how many fit
    """
    return max(0, (size + 2 * padding - window) // stride + 1)


@mutant("output_size", killed_by="test_windows_that_do_not_fit_are_refused")
def a_stride_of_zero_counts_as_one(size, window, stride=1, padding=0):
    """You accept a stride below 1 and take it as a stride of 1."""
    return reference.output_size(size, window, max(stride, 1), padding)


@mutant("output_size", killed_by="test_windows_that_do_not_fit_are_refused")
def a_padding_below_zero_cuts_off(size, window, stride=1, padding=0):
    """You accept a padding below 0, which shortens the axis."""
    if padding < 0 < size + 2 * padding - window and stride > 0 < window:
        return (size + 2 * padding - window) // stride + 1
    return reference.output_size(size, window, stride, padding)


@mutant("receptive_field", killed_by="test_without_strides_each_layer_adds_its_window")
def windows_multiplied(layers):
    """You multiply the windows of the layers.

    Handout: Maps, windows, and how many fit
    """
    return int(np.prod([window for window, _ in layers]))


@mutant(
    "receptive_field",
    killed_by="test_receptive_field_is_what_one_output_sees",
    kind="a parameter read but replaced by a constant",
)
def without_the_strides_before(layers):
    """You leave out the strides of the layers before.

    Handout: Maps, windows, and how many fit
    """
    return 1 + sum(window - 1 for window, _ in layers)


@mutant("receptive_field", killed_by="test_receptive_field_is_what_one_output_sees")
def times_its_own_stride_too(layers):
    """You count a layer's own stride among those before it, if its window is greater than 2.

    Handout: Maps, windows, and how many fit
    """
    field, step = 1, 1
    for window, stride in layers:
        step *= stride if window > 2 else 1
        field += (window - 1) * step
        step *= 1 if window > 2 else stride
    return field


# -------------------------------------------------------------------------------------------------------- convolution


@mutant("conv2d_forward", killed_by="test_one_bright_pixel_shows_the_kernels")
def kernel_flipped(x, w, b, stride=1, padding=0):
    """You flip the kernels.

    Handout: Convolution
    """
    out, (x, _, stride, padding) = reference.conv2d_forward(x, w[:, :, ::-1, ::-1], b, stride, padding)
    return out, (x, w, stride, padding)


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def square_kernels_transposed(x, w, b, stride=1, padding=0):
    """You swap the rows and the columns of each kernel, if the kernels are square.

    Handout: Mistakes that many make
    """
    square = w.shape[2] == w.shape[3]
    out, _ = reference.conv2d_forward(x, w.transpose(0, 1, 3, 2) if square else w, b, stride, padding)
    return out, (x, w, reference._pair(stride), reference._pair(padding))


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def kernels_and_channels_swapped(x, w, b, stride=1, padding=0):
    """You swap the axes of kernels and channels of w, if both are equally long.

    Handout: Mistakes that many make
    """
    swapped = w.transpose(1, 0, 2, 3) if w.shape[0] == w.shape[1] else w
    out, _ = reference.conv2d_forward(x, np.ascontiguousarray(swapped), b, stride, padding)
    return out, (x, w, reference._pair(stride), reference._pair(padding))


@mutant("conv2d_forward", killed_by="test_maps_of_one_colour_stay_so")
def without_the_bias(x, w, b, stride=1, padding=0):
    """You leave out the bias.

    Handout: Convolution
    """
    return reference.conv2d_forward(x, w, np.zeros_like(b), stride, padding)


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def bias_along_the_columns(x, w, b, stride=1, padding=0):
    """You add the bias along the last axis of out, if that axis is as long as b.

    Handout: Mistakes that many make
    """
    out, cache = reference.conv2d_forward(x, w, np.zeros_like(b), stride, padding)
    return (out + b if out.shape[3] == len(b) else out + b[:, None, None]), cache


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def only_the_first_channel(x, w, b, stride=1, padding=0):
    """You convolve the first channel only.

    Handout: Convolution
    """
    out, _ = reference.conv2d_forward(x[:, :1], w[:, :1], b, stride, padding)
    reference.conv2d_forward(x, w, b, stride, padding)
    return out, (x, w, reference._pair(stride), reference._pair(padding))


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def reshaped_where_it_should_be_transposed(x, w, b, stride=1, padding=0):
    """You reshape (k, n, h', v') to (n, k, h', v'), which mixes pictures and kernels.

    Handout: Mistakes that many make
    """
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    mixed = np.ascontiguousarray(out.transpose(1, 0, 2, 3)).reshape(out.shape)
    return mixed, cache


@mutant("conv2d_forward", killed_by="test_rows_and_columns_are_told_apart", kind="height for width, rows for columns")
def stride_of_the_rows_on_both_axes(x, w, b, stride=1, padding=0):
    """You use the stride of the rows for the columns, too."""
    return reference.conv2d_forward(x, w, b, reference._pair(stride)[0], padding)


@mutant(
    "conv2d_forward", killed_by="test_windows_are_a_stride_apart", kind="a parameter read but replaced by a constant"
)
def stride_along_the_rows_only(x, w, b, stride=1, padding=0):
    """You use the stride for the rows only, and a stride of 1 for the columns."""
    return reference.conv2d_forward(x, w, b, (reference._pair(stride)[0], 1), padding)


@mutant("conv2d_forward", killed_by="test_rows_and_columns_are_told_apart", kind="height for width, rows for columns")
def rows_and_columns_of_the_padding_swapped(x, w, b, stride=1, padding=0):
    """You swap the padding of the rows and the padding of the columns."""
    rows, columns = reference._pair(padding)
    if rows + columns and min(x.shape[2] + 2 * columns - w.shape[2], x.shape[3] + 2 * rows - w.shape[3]) >= 0:
        padding = columns, rows
    return reference.conv2d_forward(x, w, b, stride, padding)


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def padded_with_the_edges(x, w, b, stride=1, padding=0):
    """You pad the maps with copies of their edges and not with zeros.

    Handout: Maps, windows, and how many fit
    """
    (rows, columns), cache = reference._pair(padding), reference.conv2d_forward(x, w, b, stride, padding)[1]
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)), mode="edge")
    return reference.conv2d_forward(padded, w, b, stride, 0)[0], cache


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula")
def padded_with_ones(x, w, b, stride=1, padding=0):
    """You pad the maps with ones and not with zeros.

    Handout: Maps, windows, and how many fit
    """
    (rows, columns), cache = reference._pair(padding), reference.conv2d_forward(x, w, b, stride, padding)[1]
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)), constant_values=1)
    return reference.conv2d_forward(padded, w, b, stride, 0)[0], cache


@mutant("conv2d_forward", killed_by="test_windows_that_would_not_fit_are_left_out")
def windows_counted_from_the_lower_end(x, w, b, stride=1, padding=0):
    """Your windows begin at the lower right corner, so what is left over is at the wrong end.

    Handout: Maps, windows, and how many fit
    """
    _, cache = reference.conv2d_forward(x, w, b, stride, padding)
    out, _ = reference.conv2d_forward(x[:, :, ::-1, ::-1], w[:, :, ::-1, ::-1], b, stride, padding)
    return out[:, :, ::-1, ::-1], cache


@mutant("conv2d_forward", killed_by="test_windows_that_would_not_fit_are_left_out")
def a_window_more_where_the_map_is_torn(x, w, b, stride=1, padding=0):
    """You fill up with zeros where rows or columns are left over, and add a window there.

    Handout: Maps, windows, and how many fit
    """
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    rows, columns = ((x.shape[2 + axis] + 2 * cache[3][axis] - w.shape[2 + axis]) % cache[2][axis] for axis in (0, 1))
    if rows or columns:
        padded = np.pad(x, ((0, 0), (0, 0), (0, rows and cache[2][0] - rows), (0, columns and cache[2][1] - columns)))
        return reference.conv2d_forward(padded, w, b, stride, padding)
    return out, cache


@mutant("conv2d_forward", killed_by="test_out_has_four_axes", kind="a squeeze")
def squeezed(x, w, b, stride=1, padding=0):
    """You drop the axis of the pictures for a single picture."""
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    return (out[0] if len(out) == 1 else out), cache


@mutant("conv2d_forward", killed_by="test_convolution_of_no_picture")
def the_last_side_left_to_numpy(x, w, b, stride=1, padding=0):
    """You reshape with a side of -1, which fails for an empty batch.

    Handout: Mistakes that many make
    """
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    return out.reshape(len(x), -1, *out.shape[2:]), cache


@mutant("conv2d_forward", killed_by="test_convolution_keeps_float32")
def an_output_of_float64(x, w, b, stride=1, padding=0):
    """You return out in float64 for maps of float32.

    Handout: Mistakes that many make
    """
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    result = np.zeros(out.shape)
    result += out
    return result, cache


@mutant("conv2d_forward", killed_by="test_convolution_leaves_its_arguments_alone")
def kernels_flattened_and_scaled_in_place(x, w, b, stride=1, padding=0):
    """You change w in place."""
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    w *= 1 + 1e-6
    return out, cache


@mutant("conv2d_forward", killed_by="test_impossible_convolutions_are_refused")
def channels_that_are_too_many_ignored(x, w, b, stride=1, padding=0):
    """You accept kernels with more channels than x has, and ignore those channels."""
    return reference.conv2d_forward(x, w[:, : x.shape[1]], b, stride, padding)


@mutant("conv2d_forward", killed_by="test_impossible_convolutions_are_refused")
def an_empty_output_for_what_does_not_fit(x, w, b, stride=1, padding=0):
    """You return an empty output where output_size raises ValueError."""
    try:
        return reference.conv2d_forward(x, w, b, stride, padding)
    except ValueError:
        if w.shape[1] != x.shape[1]:
            raise
        return np.zeros((len(x), len(w), 0, 0)), None


@mutant("conv2d_forward", killed_by="test_convolution_does_not_loop_over_pixels")
def forward_in_three_loops(x, w, b, stride=1, padding=0):
    """You loop over pictures, rows and columns in Python.

    Handout: Fast enough
    """
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


@mutant("conv2d_backward", killed_by="test_map_gradients_are_exact", kind="an assignment for +=")
def overlapping_windows_overwritten(dout, cache):
    """You overwrite the entries of dx where windows overlap.

    Handout: Mistakes that many make
    """
    x, w, stride, padding = cache
    dx, dw, db = reference.conv2d_backward(dout, cache)
    dpadded = reference._padded(np.zeros_like(dx), padding)
    for (u, t), view in reference._slices(dpadded, w.shape[2:], stride):
        view[...] = np.einsum("nkrs,kc->ncrs", dout, w[:, :, u, t])
    h, v = x.shape[2:]
    return dpadded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + v], dw, db


@mutant("conv2d_backward", killed_by="test_one_gradient_meets_one_window", kind="another's gradient")
def kernel_flipped_on_the_way_back(dout, cache):
    """Your dx holds each kernel flipped at the place of its window.

    Handout: Convolution
    """
    x, w, stride, padding = cache
    dx, _, _ = reference.conv2d_backward(dout, (x, w[:, :, ::-1, ::-1], stride, padding))
    return dx, *reference.conv2d_backward(dout, cache)[1:]


@mutant("conv2d_backward", killed_by="test_one_gradient_meets_one_window")
def gradients_of_the_kernels_flipped(dout, cache):
    """Your dw is flipped along its rows and columns."""
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx, dw[:, :, ::-1, ::-1], db


@mutant("conv2d_backward", killed_by="test_gradients_have_the_shapes_of_their_arrays")
def padding_not_cut_off(dout, cache):
    """You do not cut the padding off dx.

    Handout: Convolution
    """
    x, w, stride, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    dx, _, _ = reference.conv2d_backward(dout, (reference._padded(x, padding), w, stride, (0, 0)))
    return dx, dw, db


@mutant("conv2d_backward", killed_by="test_map_gradients_are_exact")
def padding_cut_off_at_the_wrong_end(dout, cache):
    """You cut all of the padding off the lower and the right end of dx."""
    x, w, stride, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    dx, _, _ = reference.conv2d_backward(dout, (reference._padded(x, padding), w, stride, (0, 0)))
    return dx[:, :, : x.shape[2], : x.shape[3]], dw, db


@mutant("conv2d_backward", killed_by="test_no_padding_on_the_way_back[dx]", kind="the border cut by [p:-p]")
def padding_sliced_off_by_minus_nothing(dout, cache):
    """You cut the padding off dx with a slice [p:-p], which is empty for padding 0.

    Handout: Mistakes that many make
    """
    x, w, stride, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    whole, _, _ = reference.conv2d_backward(dout, (reference._padded(x, padding), w, stride, (0, 0)))
    return whole[:, :, padding[0] : -padding[0], padding[1] : -padding[1]], dw, db


@mutant("conv2d_backward", killed_by="test_kernel_gradients_are_exact")
def kernels_gradient_from_maps_without_padding(dout, cache):
    """You move x down and to the right by the padding a second time before you compute dw."""
    x, w, stride, padding = cache
    dx, dw, db = reference.conv2d_backward(dout, cache)
    moved = np.zeros_like(x)
    h, v = x.shape[2:]
    moved[:, :, padding[0] :, padding[1] :] = x[:, :, : max(0, h - padding[0]), : max(0, v - padding[1])]
    return dx, (reference.conv2d_backward(dout, (moved, w, stride, padding))[1] if any(padding) else dw), db


@mutant(
    "conv2d_backward", killed_by="test_kernel_gradients_are_exact", kind="a factor of the batch, the classes or two"
)
def averaged_over_the_examples(dout, cache):
    """You average dw over the examples and do not sum.

    Handout: Convolution
    """
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx, dw / max(1, len(dout)), db


@mutant(
    "conv2d_backward", killed_by="test_strides_on_the_way_back[dw]", kind="a parameter read but replaced by a constant"
)
def stride_forgotten_for_the_kernels(dout, cache):
    """You ignore the stride in dw."""
    x, w, _, padding = cache
    dx, _, db = reference.conv2d_backward(dout, cache)
    padded = reference._padded(x, padding)
    dw = np.zeros_like(w)
    for u in range(w.shape[2]):
        for t in range(w.shape[3]):
            part = padded[:, :, u : u + dout.shape[2], t : t + dout.shape[3]]
            dw[:, :, u, t] = np.einsum("nkrs,ncrs->kc", dout[:, :, : part.shape[2], : part.shape[3]], part)
    return dx, dw, db


@mutant(
    "conv2d_backward", killed_by="test_strides_on_the_way_back[dx]", kind="a parameter read but replaced by a constant"
)
def stride_forgotten_for_the_maps(dout, cache):
    """You ignore the stride in dx."""
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
    """Your db has one sum for each example and not for each kernel, if there are equally many."""
    dx, dw, db = reference.conv2d_backward(dout, cache)
    wrong = dout.sum(axis=(1, 2, 3))
    return dx, dw, (wrong if wrong.shape == db.shape and len(db) > 1 else db)


@mutant("conv2d_backward", killed_by="test_bias_gradients_sum_over_examples_and_places")
def bias_averaged_over_the_places(dout, cache):
    """You average db over the places and do not sum.

    Handout: Convolution
    """
    dx, dw, _ = reference.conv2d_backward(dout, cache)
    return dx, dw, dout.mean(axis=(2, 3)).sum(axis=0)


@mutant("conv2d_backward", killed_by="test_bias_gradients_sum_over_examples_and_places")
def bias_of_the_first_example(dout, cache):
    """You sum db over the first example only.

    Handout: Convolution
    """
    dx, dw, _ = reference.conv2d_backward(dout, cache)
    return dx, dw, dout[:1].sum(axis=(0, 2, 3))


@mutant("conv2d_backward", killed_by="test_map_gradients_are_exact")
def channels_and_kernels_swapped_on_the_way_back(dout, cache):
    """You swap the axes of kernels and channels of w in dx, if both are equally long.

    Handout: Mistakes that many make
    """
    x, w, stride, padding = cache
    dx, dw, db = reference.conv2d_backward(dout, cache)
    if w.shape[0] == w.shape[1]:
        dx, _, _ = reference.conv2d_backward(dout, (x, w.transpose(1, 0, 2, 3).copy(), stride, padding))
    return dx, dw, db


@mutant("conv2d_backward", killed_by="test_gradients_have_the_shapes_of_their_arrays", kind="a squeeze")
def one_picture_without_its_axis(dout, cache):
    """You drop every axis of length 1 from dx for a single picture."""
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx.squeeze() if len(dx) == 1 else dx, dw, db


@mutant("conv2d_backward", killed_by="test_gradients_of_no_picture")
def means_over_no_examples(dout, cache):
    """You divide db by the number of examples, which gives NaN for an empty batch."""
    dx, dw, db = reference.conv2d_backward(dout, cache)
    with np.errstate(all="ignore"):
        return dx, dw, np.float64(len(dout)) * (db / np.float64(len(dout))).astype(db.dtype)


@mutant("conv2d_backward", killed_by="test_backward_can_be_called_twice")
def gradients_summed_up_in_the_cache(dout, cache):
    """You change the kernels in the cache, so a second call gives another dx."""
    dx, dw, db = reference.conv2d_backward(dout, cache)
    cache[1][...] *= 1.5
    return dx, dw, db


@mutant("conv2d_forward", killed_by="test_backward_can_be_called_twice")
def a_cache_that_is_used_up(x, w, b, stride=1, padding=0):
    """Your cache is an iterator: the first backward pass uses it up, and a second one finds nothing."""
    out, cache = reference.conv2d_forward(x, w, b, stride, padding)
    return out, iter(cache)


@mutant("conv2d_forward", killed_by="test_each_cache_belongs_to_its_own_forward")
def one_layer_object_for_all(x, w, b, stride=1, padding=0, layer=type("Layer", (), {})()):  # noqa: B008
    """You keep the cache in one object for all calls, so the next forward pass overwrites it."""
    out, layer.cache = reference.conv2d_forward(x, w, b, stride, padding)
    type(layer).__iter__ = lambda self: iter(self.cache)
    return out, layer


@mutant("conv2d_forward", killed_by="test_kernel_gradients_are_exact")
def its_output_in_the_cache(x, w, b, stride=1, padding=0):
    """You put the output into the cache in place of x, so dw is wrong."""
    out, (_, w, stride, padding) = reference.conv2d_forward(x, w, b, stride, padding)
    wrong = np.zeros_like(x)
    part = out[:, :1, : x.shape[2], : x.shape[3]]
    wrong[:, :, : part.shape[2], : part.shape[3]] = part
    return out, (wrong, w, stride, padding)


@mutant("conv2d_backward", killed_by="test_gradients_keep_float32")
def gradients_in_float64(dout, cache):
    """You return dx in float64 for maps of float32.

    Handout: Mistakes that many make
    """
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx.astype(np.float64), dw, db


@mutant("conv2d_backward", killed_by="test_convolution_does_not_loop_over_pixels")
def backward_in_three_loops(dout, cache):
    """You loop over pictures, rows and columns in Python.

    Handout: Fast enough
    """
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


@mutant(
    "max_pool_forward",
    killed_by="test_max_pooling_at_other_strides",
    kind="a parameter read but replaced by a constant",
)
def windows_side_by_side_whatever_the_stride(x, window, stride):
    """You ignore the stride and put the windows side by side."""
    return reference.max_pool_forward(x, window, window)


@mutant("max_pool_forward", killed_by="test_max_pooling_takes_the_greatest")
def greatest_of_all_channels(x, window, stride):
    """You compute the maximum over all channels and not for each channel.

    Handout: Pooling
    """
    out, cache = reference.max_pool_forward(x, window, stride)
    return out.max(axis=1, keepdims=True).repeat(out.shape[1], axis=1) if len(out) else out, cache


@mutant("max_pool_forward", killed_by="test_max_pooling_of_negative_maps")
def nothing_below_zero(x, window, stride):
    """You start the maximum at 0, which is wrong for windows of negative entries.

    Handout: Mistakes that many make
    """
    out, cache = reference.max_pool_forward(x, window, stride)
    return np.maximum(out, 0), cache


@mutant("max_pool_forward", killed_by="test_max_pooling_of_negative_maps")
def greatest_in_absolute_value(x, window, stride):
    """You take the entry that is greatest in absolute value.

    Handout: Pooling
    """
    out, cache = reference.max_pool_forward(np.abs(x), window, stride)
    return np.where(out == reference.max_pool_forward(x, window, stride)[0], out, -out), cache


@mutant(
    "max_pool_forward",
    killed_by="test_max_pooling_tells_rows_and_columns_apart",
    kind="height for width, rows for columns",
)
def square_windows_only(x, window, stride):
    """You use the shorter side of the window for both rows and columns."""
    reference.max_pool_forward(x, window, stride)
    side = min(reference._pair(window))
    return reference.max_pool_forward(x, side, stride)


@mutant("max_pool_forward", killed_by="test_max_pooling_at_other_strides")
def a_torn_window_at_the_end(x, window, stride):
    """You add an incomplete window at the end where rows or columns are left over.

    Handout: Maps, windows, and how many fit
    """
    reference.max_pool_forward(x, window, stride)
    window, stride = reference._pair(window), reference._pair(stride)
    more = [-(x.shape[2 + axis] - window[axis]) % stride[axis] for axis in (0, 1)]
    padded = np.pad(x, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), constant_values=-np.inf)
    return reference.max_pool_forward(padded, window, stride)


@mutant("max_pool_backward", killed_by="test_gradients_of_overlapping_windows_add_up", kind="an assignment for +=")
def overlaps_overwritten(dout, cache):
    """You overwrite the gradient of an entry that is the greatest of several windows.

    Handout: Mistakes that many make
    """
    shape, winner, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for number, (_, view) in enumerate(reference._slices(dx, window, stride)):
        np.copyto(view, dout, where=winner == number)
    return dx


@mutant("max_pool_backward", killed_by="test_gradients_of_overlapping_windows_add_up")
def overlaps_added_with_fancy_indices(dout, cache):
    """You add with arrays of indices, which add only once where an entry is the greatest of several windows.

    Handout: Mistakes that many make
    """
    shape, winner, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    n, c, r, s = np.indices(dout.shape)
    u, t = np.divmod(winner, window[1])
    dx[n, c, r * stride[0] + u, s * stride[1] + t] += dout  # each entry once only, however often it is named
    return dx


@mutant("max_pool_backward", killed_by="test_the_greatest_entry_gets_the_gradient")
def a_one_where_the_gradient_belongs(dout, cache):
    """You pass on a 1 for each window in place of its gradient.

    Handout: Pooling
    """
    return reference.max_pool_backward(np.ones_like(dout), cache)


@mutant("max_pool_backward", killed_by="test_the_greatest_entry_gets_the_gradient", kind="another's gradient")
def to_all_entries_of_a_window(dout, cache):
    """You give the whole gradient of a window to each of its entries.

    Handout: Pooling
    """
    shape, _, window, stride = cache
    return reference.avg_pool_backward(dout * np.prod(window), (shape, window, stride)).astype(dout.dtype)


@mutant("max_pool_forward", killed_by="test_ties_share_one_gradient", kind="a mask with >= for >")
def gradient_to_all_equal_maxima(x, window, stride):
    """You mark all equal maxima of a window, so each of them gets the whole gradient.

    Handout: Pooling
    """
    out, (shape, _, window, stride) = reference.max_pool_forward(x, window, stride)
    views = [view == out for _, view in reference._slices(x, window, stride)]

    class Winner:
        def __eq__(self, number):
            return views[number]

    class Cache:
        def __iter__(self):
            return iter((shape, Winner(), window, stride))

    return out, Cache()


@mutant("max_pool_backward", killed_by="test_max_pooling_of_one_picture_or_channel", kind="a squeeze")
def one_map_without_its_axes(dout, cache):
    """You drop the axis of the pictures for a single picture."""
    dx = reference.max_pool_backward(dout, cache)
    return dx[0] if len(dx) == 1 else dx


@mutant("max_pool_forward", killed_by="test_max_pooling_of_no_picture")
def places_left_to_numpy(x, window, stride):
    """You reshape with a side of -1, which fails for an empty batch.

    Handout: Mistakes that many make
    """
    out, cache = reference.max_pool_forward(x, window, stride)
    return out.reshape(len(x), -1, *out.shape[2:]), cache


@mutant("max_pool_backward", killed_by="test_max_pooling_keeps_float32")
def pooled_gradients_in_float64(dout, cache):
    """You return dx in float64 for gradients of float32.

    Handout: Mistakes that many make
    """
    return reference.max_pool_backward(dout.astype(np.float64), cache)


@mutant("max_pool_forward", killed_by="test_max_pooling_leaves_its_arguments_alone")
def the_greatest_crossed_out_in_place(x, window, stride):
    """You set the greatest entries of x to 0 in place."""
    answer = reference.max_pool_forward(x, window, stride)
    x[x == x.max(initial=-np.inf)] = 0
    return answer


@mutant("max_pool_backward", killed_by="test_max_pooling_leaves_its_arguments_alone")
def upstream_scaled_in_place(dout, cache):
    """You set dout to 0 in place."""
    dx = reference.max_pool_backward(dout, cache)
    dout *= 0
    return dx


@mutant("max_pool_forward", killed_by="test_impossible_max_pooling_is_refused")
def windows_made_to_fit(x, window, stride):
    """You accept a window that is larger than the map, and shrink it to the map."""
    window = [min(side, room) for side, room in zip(reference._pair(window), x.shape[2:], strict=True)]
    return reference.max_pool_forward(x, window, stride)


@mutant("max_pool_forward", killed_by="test_max_pooling_does_not_loop_over_pixels")
def maxima_in_loops(x, window, stride):
    """You loop over pictures, rows and columns in Python.

    Handout: Fast enough
    """
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
    """You loop over pictures, rows and columns in Python.

    Handout: Fast enough
    """
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


@mutant("avg_pool_forward", killed_by="test_the_mean_of_equal_entries_is_each_of_them")
def divided_by_the_side(x, window, stride):
    """You divide by the number of rows in a window and leave out the columns."""
    out, cache = reference.avg_pool_forward(x, window, stride)
    return out * reference._pair(window)[1], cache


@mutant(
    "avg_pool_forward",
    killed_by="test_average_pooling_tells_rows_and_columns_apart",
    kind="height for width, rows for columns",
)
def divided_by_the_rows_squared(x, window, stride):
    """You divide by the number of rows squared.

    Handout: Mistakes that many make
    """
    out, cache = reference.avg_pool_forward(x, window, stride)
    p, q = reference._pair(window)
    return out * np.asarray(q / p, x.dtype), cache


@mutant("avg_pool_backward", killed_by="test_average_pooling_shares_its_gradient_out", kind="another's gradient")
def not_divided_on_the_way_back(dout, cache):
    """You give the whole gradient of a window to each of its entries.

    Handout: Pooling
    """
    _, window, _ = cache
    return reference.avg_pool_backward(dout, cache) * np.asarray(np.prod(window), dout.dtype)


@mutant("avg_pool_backward", killed_by="test_shares_of_overlapping_windows_add_up")
def divided_by_the_area_of_the_stride(dout, cache):
    """You divide by the area of the stride and not by that of the window.

    Handout: Mistakes that many make
    """
    _, window, stride = cache
    return reference.avg_pool_backward(dout, cache) * np.asarray(np.prod(window) / np.prod(stride), dout.dtype)


@mutant("avg_pool_backward", killed_by="test_shares_of_overlapping_windows_add_up")
def each_gradient_repeated_over_its_stride(dout, cache):
    """You spread each share over its stride and not over its window.

    Handout: Pooling
    """
    shape, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    wide = np.repeat(np.repeat(dout, stride[0], axis=2), stride[1], axis=3) / np.asarray(np.prod(window), dout.dtype)
    part = wide[:, :, : shape[2], : shape[3]]
    dx[:, :, : part.shape[2], : part.shape[3]] = part
    return dx


@mutant("avg_pool_backward", killed_by="test_shares_of_overlapping_windows_add_up", kind="an assignment for +=")
def shares_overwritten(dout, cache):
    """You overwrite the shares where windows overlap.

    Handout: Mistakes that many make
    """
    shape, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for _, view in reference._slices(dx, window, stride):
        view[...] = dout / np.asarray(np.prod(window), dout.dtype)
    return dx


@mutant("avg_pool_forward", killed_by="test_average_pooling_of_no_picture")
def channels_left_to_numpy(x, window, stride):
    """You reshape with a side of -1, which fails for an empty batch.

    Handout: Mistakes that many make
    """
    out, cache = reference.avg_pool_forward(x, window, stride)
    return out.reshape(len(x), -1, *out.shape[2:]), cache


@mutant("avg_pool_forward", killed_by="test_average_pooling_keeps_float32")
def means_of_float64(x, window, stride):
    """You return out in float64 for maps of float32.

    Handout: Mistakes that many make
    """
    out, cache = reference.avg_pool_forward(x, window, stride)
    return out.astype(np.float64), cache


@mutant("avg_pool_backward", killed_by="test_average_pooling_leaves_its_arguments_alone")
def shared_out_in_place(dout, cache):
    """You divide dout in place."""
    shape, window, stride = cache
    dout /= np.prod(window)
    return reference.avg_pool_backward(dout, (shape, window, stride)) * np.asarray(np.prod(window), dout.dtype)


@mutant("avg_pool_forward", killed_by="test_impossible_average_pooling_is_refused")
def means_over_what_there_is(x, window, stride):
    """You accept a window that is larger than the map, and shrink it to the map."""
    window = [min(side, room) for side, room in zip(reference._pair(window), x.shape[2:], strict=True)]
    return reference.avg_pool_forward(x, window, stride)


@mutant("avg_pool_forward", killed_by="test_average_pooling_does_not_loop_over_pixels")
def means_in_loops(x, window, stride):
    """You loop over pictures, rows and columns in Python.

    Handout: Fast enough
    """
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
    """You loop over pictures, rows and columns in Python.

    Handout: Fast enough
    """
    shape, (p, q), (down, right) = cache
    dx = np.zeros(shape, dout.dtype)
    for i in range(dout.shape[0]):
        for r in range(dout.shape[2]):
            for s in range(dout.shape[3]):
                part = dx[i, :, r * down : r * down + p, s * right : s * right + q]
                part += dout[i, :, r, s, None, None] / (p * q)
    return dx


# ------------------------------------------------------------------------------------------------------------ network


@mutant(
    "initialize",
    killed_by="test_weights_have_the_variance_that_relu_needs",
    kind="a factor of the batch, the classes or two",
)
def half_the_variance(image_shape, kernels, size, classes, rng):
    """Your weights have half of the promised variance.

    Handout: A network
    """
    return [(w / np.sqrt(2), b) for w, b in reference.initialize(image_shape, kernels, size, classes, rng)]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def fan_in_without_the_channels(image_shape, kernels, size, classes, rng):
    """You leave the channels out of the fan_in of a kernel."""
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    return [(w * np.sqrt(w.shape[1]) if w.ndim == 4 else w, b) for w, b in params]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def by_the_fan_out(image_shape, kernels, size, classes, rng):
    """You use the fan_out of the kernels in place of their fan_in."""
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    return [(w * np.sqrt(w.shape[1] / w.shape[0]) if w.ndim == 4 else w, b) for w, b in params]


@mutant(
    "initialize", killed_by="test_weights_have_the_variance_that_relu_needs", kind="a normal draw for a uniform one"
)
def uniform_with_the_same_variance(image_shape, kernels, size, classes, rng):
    """You draw uniform weights and not normal ones.

    Handout: A network
    """
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    fans = [np.prod(w.shape[1:]) if w.ndim == 4 else len(w) for w, _ in params]
    return [
        (rng.uniform(-np.sqrt(6 / fan), np.sqrt(6 / fan), w.shape), b) for (w, b), fan in zip(params, fans, strict=True)
    ]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs")
def from_the_global_generator(image_shape, kernels, size, classes, rng):
    """You draw from numpy's global generator and not from rng."""
    return reference.initialize(image_shape, kernels, size, classes, np.random)


@mutant("initialize", killed_by="test_the_network_has_the_promised_shapes")
def halved_once_and_divided_by_four_later(image_shape, kernels, size, classes, rng):
    """You round h v / 16 and not each side by itself, so w_3 has too many rows for some pictures."""
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    features = kernels[1] * (image_shape[1] * image_shape[2] // 16)
    return [*params[:2], (rng.normal(0, np.sqrt(2 / features), (features, classes)), np.zeros(classes))]


@mutant("initialize", killed_by="test_networks_that_cannot_be_are_refused")
def even_kernels_made_odd(image_shape, kernels, size, classes, rng):
    """You accept an even size and take the next odd one."""
    return reference.initialize(image_shape, kernels, size | 1, classes, rng)


@mutant("initialize", killed_by="test_networks_that_cannot_be_are_refused")
def pictures_padded_until_they_are_large_enough(image_shape, kernels, size, classes, rng):
    """You accept pictures with fewer than 4 rows or columns, and treat them as if they had 4."""
    return reference.initialize(np.maximum(image_shape, (1, 4, 4)), kernels, size, classes, rng)


@mutant("forward", killed_by="test_the_network_is_its_formula")
def without_relu_before_the_dense_layer(x, params):
    """You leave out the ReLU of the second block.

    Handout: A network
    """
    a, first = reference.conv2d_forward(x, *params[0], 1, (params[0][0].shape[2] // 2, params[0][0].shape[3] // 2))
    a, pooled = reference.max_pool_forward(np.maximum(a, 0), 2, 2)
    w, b = params[1]
    a, second = reference.conv2d_forward(a, w, b, 1, (w.shape[2] // 2, w.shape[3] // 2))
    a, last = reference.max_pool_forward(a, 2, 2)
    return a.reshape(len(a), -1) @ params[2][0] + params[2][1], (first, pooled, second, last)


@mutant("forward", killed_by="test_the_network_tells_rows_and_columns_apart", kind="height for width, rows for columns")
def padding_of_the_rows_on_both_axes(x, params):
    """You pad rows and columns alike, by half of the longer side of the kernel."""
    square = []
    for w, b in params[:-1]:
        side = max(w.shape[2:])
        grown = np.zeros((*w.shape[:2], side, side))
        grown[:, :, : w.shape[2], : w.shape[3]] = w  # in a corner, not in the middle
        square.append((grown, b))
    return reference.forward(x, [*square, params[-1]])


@mutant("forward", killed_by="test_the_network_is_its_formula")
def flattened_with_the_channels_last(x, params):
    """You flatten the maps with the channels last."""
    _, (caches, flat, w, shape) = reference.forward(x, params)
    flat = flat.reshape(shape).transpose(0, 2, 3, 1).reshape(flat.shape)
    return flat @ w + params[-1][1], (caches, flat, w, shape)


@mutant("forward", killed_by="test_the_network_is_its_formula")
def without_the_last_bias(x, params):
    """You leave out the bias b_3.

    Handout: A network
    """
    z, cache = reference.forward(x, params)
    return z - params[-1][1], cache


@mutant("backward", killed_by="test_the_networks_gradients_are_exact", kind="another's gradient")
def relus_open_on_the_way_back(dz, cache):
    """You leave out the derivative of ReLU."""
    caches, *rest = cache
    return reference.backward(dz, ([(conv, np.ones_like(open_), pool) for conv, open_, pool in caches], *rest))


@mutant("forward", killed_by="test_the_networks_gradients_are_exact", kind="a mask with >= for >")
def open_where_relu_is_zero(x, params):
    """You take relu'(0) as 1, so units that are shut pass their gradients on.

    Handout: Mistakes that many make
    """
    z, (caches, *rest) = reference.forward(x, params)
    return z, ([(conv, open_ >= 0, pool) for conv, open_, pool in caches], *rest)


@mutant("backward", killed_by="test_the_networks_gradients_are_exact")
def both_blocks_with_the_first_one_on_top(dz, cache):
    """You return twice the gradients of w_1 and w_2."""
    caches, *rest = cache
    swapped = caches[::-1] if caches[0][1].shape == caches[1][1].shape else caches
    grads = reference.backward(dz, (swapped, *rest))
    return [(dw * 2, db) if dw.ndim == 4 else (dw, db) for dw, db in grads]


@mutant("backward", killed_by="test_the_networks_gradients_are_exact", kind="a factor of the batch, the classes or two")
def averaged_a_second_time(dz, cache):
    """You divide all gradients by the number of examples."""
    return reference.backward(dz / len(dz), cache)


@mutant("backward", killed_by="test_both_passes_leave_their_arguments_alone")
def upstream_changed_in_place(dz, cache):
    """You set dz to 0 in place."""
    grads = reference.backward(dz, cache)
    dz[...] = 0
    return grads


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="a factor of the batch, the classes or two")
def loss_summed_over_the_batch(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You step down the sum of a batch's losses and not their mean.

    Handout: A network
    """
    return reference.train(
        x, y, params, learning_rate=learning_rate * min(batch_size, len(x)), epochs=epochs, batch_size=batch_size,
        rng=rng, log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_an_epoch_takes_every_picture_once")
def last_batch_dropped(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You leave out the examples that do not fill a batch."""
    kept = len(x) // batch_size * batch_size
    return reference.train(
        x[:kept], y[:kept], params, learning_rate=learning_rate, epochs=epochs if kept else 0, batch_size=batch_size,
        rng=rng, log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def params_changed_in_place(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You change the given params in place."""
    trained = reference.train(
        x, y, params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=rng, log=log
    )
    for (w, b), (new_w, new_b) in zip(params, trained, strict=True):
        w[...], b[...] = new_w, new_b
    return trained


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def epochs_counted_from_zero(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You count the epochs from 0 in log."""

    def earlier(epoch, loss, accuracy):
        if log is not None:
            log(epoch=epoch - 1, loss=loss, accuracy=accuracy)

    return reference.train(
        x, y, params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=rng, log=earlier
    )


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def means_of_the_batches_means(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You log the mean of the batches' means, which is wrong if the last batch is smaller."""
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
    """You add the gradient to the params, so the loss rises."""
    return reference.train(
        x, y, params, learning_rate=-learning_rate, epochs=epochs, batch_size=batch_size, rng=rng, log=log
    )


@mutant("train", killed_by="test_orders_are_drawn_from_rng", kind="an order never or once drawn")
def always_in_the_same_order(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You draw the orders from a generator with a fixed seed and not from rng."""
    return reference.train(
        x, y, params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=np.random.default_rng(0),
        log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_an_epoch_takes_every_picture_once", kind="labels or order mixed up")
def labels_shuffled_apart_from_their_pictures(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You shuffle the labels apart from their pictures."""
    return reference.train(
        x, rng.permutation(y), params, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rng=rng,
        log=log,
    )  # fmt: skip


@mutant("train", killed_by="test_the_network_reads_letters")
def only_the_first_hundred_pictures_since_it_was_debugged(x, y, params, **options):
    """You train on the first hundred pictures only."""
    return reference.train(x[:100], y[:100], params, **options)


# --------------------------------------------------------------------------- kinds of mistakes that come back elsewhere


@mutant("output_size", killed_by="test_a_window_as_long_as_the_axis_fits_once", kind="a mask with >= for >")
def a_window_as_long_as_the_axis_refused(size, window, stride=1, padding=0):
    """You refuse a window that is exactly as long as the padded axis."""
    if window >= size + 2 * padding:
        raise ValueError("the window does not fit")
    return reference.output_size(size, window, stride, padding)


@mutant(
    "output_size",
    killed_by="test_output_size_counts_the_windows_that_fit",
    kind="a parameter read but replaced by a constant",
)
def always_at_stride_one(size, window, stride=1, padding=0):
    """You ignore the stride and count the windows at stride 1.

    Handout: Maps, windows, and how many fit
    """
    reference.output_size(size, window, stride, padding)
    return reference.output_size(size, window, 1, padding)


@mutant(
    "receptive_field",
    killed_by="test_without_strides_each_layer_adds_its_window",
    kind="an assignment for +=",
)
def the_last_layer_alone(layers):
    """You overwrite the sum at each layer, so it holds the term of the last layer only.

    Handout: Maps, windows, and how many fit
    """
    field, step = 1, 1
    for window, stride in layers:
        field = 1 + (window - 1) * step
        step *= stride
    return field


@mutant("receptive_field", killed_by="test_receptive_field_of_one_layer_or_none")
def no_layers_see_nothing(layers):
    """You return 0 if there are no layers."""
    return reference.receptive_field(layers) if layers else 0


@mutant("conv2d_forward", killed_by="test_convolution_without_padding", kind="the border cut by [p:-p]")
def maps_put_between_borders_of_minus_nothing(x, w, b, stride=1, padding=0):
    """You put x between p and -p of the padded map, which is an empty slice for padding 0.

    Handout: Mistakes that many make
    """
    (rows, columns), (n, c, h, v) = reference._pair(padding), x.shape
    padded = np.zeros((n, c, h + 2 * rows, v + 2 * columns), x.dtype)
    padded[:, :, rows:-rows, columns:-columns] = x
    out, (_, w, stride, _) = reference.conv2d_forward(padded, w, b, stride, 0)
    return out, (x, w, stride, (rows, columns))


@mutant("conv2d_forward", killed_by="test_convolution_is_its_formula", kind="an assignment for +=")
def the_last_channel_alone(x, w, b, stride=1, padding=0):
    """You overwrite the sum at each channel, so it holds the last channel only.

    Handout: Convolution
    """
    out, cache = reference.conv2d_forward(x[:, -1:], w[:, -1:], b, stride, padding)
    reference.conv2d_forward(x, w, b, stride, padding)
    return out, (x, w, *cache[2:])


@mutant(
    "conv2d_backward", killed_by="test_rows_and_columns_on_the_way_back[dx]", kind="height for width, rows for columns"
)
def the_rows_padding_cut_off_both_axes(dout, cache):
    """You cut the padding of the rows off the columns of dx, too."""
    x, w, stride, padding = cache
    _, dw, db = reference.conv2d_backward(dout, cache)
    whole, _, _ = reference.conv2d_backward(dout, (reference._padded(x, padding), w, stride, (0, 0)))
    top, (h, v) = padding[0], x.shape[2:]
    return whole[:, :, top : top + h, top : top + v], dw, db


@mutant(
    "conv2d_backward", killed_by="test_gradients_have_the_shapes_of_their_arrays", kind="a (1, k) gradient for (k,)"
)
def bias_gradients_as_a_row(dout, cache):
    """You return db as a row of shape (1, k)."""
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return dx, dw, db[None, :]


@mutant("conv2d_backward", killed_by="test_gradients_of_one_picture")
def gradients_of_one_picture_twice(dout, cache):
    """You return twice the gradient dw for a single picture."""
    dx, dw, db = reference.conv2d_backward(dout, cache)
    return (dx, dw + dw, db) if len(dout) == 1 else (dx, dw, db)


@mutant("max_pool_forward", killed_by="test_max_pooling_of_one_picture_or_channel", kind="a squeeze")
def pooled_maps_squeezed(x, window, stride):
    """You drop every axis of length 1 from out."""
    out, cache = reference.max_pool_forward(x, window, stride)
    return out.squeeze(), cache


@mutant(
    "max_pool_backward",
    killed_by="test_max_pooling_gradients_tell_rows_and_columns_apart",
    kind="height for width, rows for columns",
)
def places_in_a_window_counted_by_its_rows(dout, cache):
    """You count the places of a window by its number of rows, which is wrong if the window is not square."""
    shape, winner, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    n, c, r, s = np.indices(dout.shape)
    u, t = np.divmod(winner, window[0])
    np.add.at(dx, (n, c, np.minimum(r * stride[0] + u, shape[2] - 1), s * stride[1] + t), dout)
    return dx


@mutant(
    "max_pool_backward",
    killed_by="test_gradients_of_overlapping_windows_add_up",
    kind="a parameter read but replaced by a constant",
)
def side_by_side_on_the_way_back(dout, cache):
    """You ignore the stride and put the windows side by side."""
    shape, winner, window, _ = cache
    dx = np.zeros(
        [max(side, dout.shape[axis] * ([1, 1, *window][axis])) for axis, side in enumerate(shape)], dout.dtype
    )
    for number, (u, t) in enumerate(np.ndindex(*window)):
        view = dx[:, :, u :: window[0], t :: window[1]][:, :, : dout.shape[2], : dout.shape[3]]
        view += dout * (winner == number)
    return dx[:, :, : shape[2], : shape[3]]


@mutant(
    "max_pool_backward",
    killed_by="test_the_greatest_entry_gets_the_gradient",
    kind="a factor of the batch, the classes or two",
)
def pooled_gradients_averaged_over_the_batch(dout, cache):
    """You divide dx by the number of examples.

    Handout: Pooling
    """
    return reference.max_pool_backward(dout, cache) / np.asarray(max(1, len(dout)), dout.dtype)


@mutant("avg_pool_forward", killed_by="test_average_pooling_of_one_picture_or_channel", kind="a squeeze")
def means_squeezed(x, window, stride):
    """You drop every axis of length 1 from out."""
    out, cache = reference.avg_pool_forward(x, window, stride)
    return out.squeeze(), cache


@mutant("avg_pool_backward", killed_by="test_average_pooling_of_one_picture_or_channel", kind="a squeeze")
def shares_of_one_picture_without_their_axis(dout, cache):
    """You drop the axis of the pictures for a single picture."""
    dx = reference.avg_pool_backward(dout, cache)
    return dx[0] if len(dx) == 1 else dx


@mutant("avg_pool_forward", killed_by="test_average_pooling_takes_the_mean", kind="an assignment for +=")
def the_last_entry_over_the_area(x, window, stride):
    """You overwrite the sum at each offset, so it holds the last entry of the window only.

    Handout: Pooling
    """
    out, cache = reference.avg_pool_forward(x, window, stride)
    for _, view in reference._slices(x, cache[1], cache[2]):
        out = view / np.asarray(np.prod(cache[1]), x.dtype)
    return out, cache


@mutant(
    "avg_pool_forward",
    killed_by="test_average_pooling_at_other_strides",
    kind="a parameter read but replaced by a constant",
)
def means_side_by_side_whatever_the_stride(x, window, stride):
    """You ignore the stride and put the windows side by side."""
    reference.avg_pool_forward(x, window, stride)
    return reference.avg_pool_forward(x, window, window)


@mutant(
    "avg_pool_backward",
    killed_by="test_average_pooling_shares_its_gradient_out",
    kind="a parameter read but replaced by a constant",
)
def always_a_quarter(dout, cache):
    """You give each entry a quarter of the gradient, whatever the size of the window.

    Handout: Pooling
    """
    _, window, _ = cache
    return reference.avg_pool_backward(dout, cache) * np.asarray(np.prod(window) / 4, dout.dtype)


@mutant(
    "avg_pool_backward",
    killed_by="test_average_pooling_gradients_tell_rows_and_columns_apart",
    kind="height for width, rows for columns",
)
def shared_out_over_the_rows_squared(dout, cache):
    """You divide by the number of rows squared.

    Handout: Mistakes that many make
    """
    _, window, _ = cache
    return reference.avg_pool_backward(dout, cache) * np.asarray(window[1] / window[0], dout.dtype)


@mutant(
    "avg_pool_backward",
    killed_by="test_average_pooling_shares_its_gradient_out",
    kind="a factor of the batch, the classes or two",
)
def shares_averaged_over_the_batch(dout, cache):
    """You divide dx by the number of examples.

    Handout: Pooling
    """
    return reference.avg_pool_backward(dout, cache) / np.asarray(max(1, len(dout)), dout.dtype)


@mutant("initialize", killed_by="test_the_network_has_the_promised_shapes", kind="a mask with >= for >")
def pictures_of_four_rows_refused(image_shape, kernels, size, classes, rng):
    """You refuse pictures with exactly 4 rows or columns."""
    if min(image_shape[1:]) <= 4:
        raise ValueError("the pictures are too small")
    return reference.initialize(image_shape, kernels, size, classes, rng)


@mutant("initialize", killed_by="test_the_network_has_the_promised_shapes", kind="a squeeze")
def kernels_of_one_channel_squeezed(image_shape, kernels, size, classes, rng):
    """You drop every axis of length 1 from the weights."""
    return [(w.squeeze(), b) for w, b in reference.initialize(image_shape, kernels, size, classes, rng)]


@mutant("initialize", killed_by="test_the_network_has_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def biases_as_rows(image_shape, kernels, size, classes, rng):
    """You return each bias as a row of shape (1, k)."""
    return [(w, b[None, :]) for w, b in reference.initialize(image_shape, kernels, size, classes, rng)]


@mutant("initialize", killed_by="test_the_network_has_the_promised_shapes", kind="height for width, rows for columns")
def features_of_square_pictures(image_shape, kernels, size, classes, rng):
    """You use the rows of a picture for its columns, too, in the size of w_3.

    Handout: Mistakes that many make
    """
    channels, h, _ = image_shape
    reference.initialize(image_shape, kernels, size, classes, np.random.default_rng(0))
    return reference.initialize((channels, h, h), kernels, size, classes, rng)


@mutant(
    "initialize",
    killed_by="test_weights_have_the_variance_that_relu_needs",
    kind="a parameter read but replaced by a constant",
)
def the_fan_in_of_3x3(image_shape, kernels, size, classes, rng):
    """You use the fan_in of kernels of 3x3 whatever the size."""
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    return [(w * (size / 3) if w.ndim == 4 else w, b) for w, b in params]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs", kind="a zero or constant draw")
def weights_of_zero(image_shape, kernels, size, classes, rng):
    """You set all weights to 0.

    Handout: A network
    """
    return [(np.zeros_like(w), b) for w, b in reference.initialize(image_shape, kernels, size, classes, rng)]


@mutant("initialize", killed_by="test_weights_have_the_variance_that_relu_needs", kind="a zero or constant draw")
def one_draw_for_all_entries(image_shape, kernels, size, classes, rng):
    """You draw one number for all entries of a weight array.

    Handout: A network
    """
    params = reference.initialize(image_shape, kernels, size, classes, rng)
    return [(np.full_like(w, w.flat[0]), b) for w, b in params]


@mutant("forward", killed_by="test_the_network_has_the_promised_shapes", kind="a squeeze")
def logits_of_one_picture_as_a_vector(x, params):
    """You drop every axis of length 1 from z."""
    z, cache = reference.forward(x, params)
    return z.squeeze(), cache


@mutant(
    "forward",
    killed_by="test_the_smallest_networks",
    kind="a parameter read but replaced by a constant",
)
def always_padded_for_3x3(x, params):
    """You pad by 1 whatever the size of the kernels.

    Handout: A network
    """
    a, caches = x, []
    for w, b in params[:-1]:
        a, convolved = reference.conv2d_forward(a, w, b, 1, 1)
        a = np.maximum(a, 0)
        positive = a > 0
        a, pooled = reference.max_pool_forward(a, 2, 2)
        caches.append((convolved, positive, pooled))
    w, b = params[-1]
    flat = a.reshape(len(a), -1)
    return flat @ w + b, (caches, flat, w, a.shape)


@mutant("backward", killed_by="test_the_network_has_the_promised_shapes", kind="a squeeze")
def gradients_squeezed(dz, cache):
    """You squeeze the gradients of the biases, so a bias of one entry loses its axis."""
    return [(dw, db.squeeze()) for dw, db in reference.backward(dz, cache)]


@mutant("backward", killed_by="test_the_network_has_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def dense_bias_gradients_as_a_row(dz, cache):
    """You return db_3 as a row of shape (1, classes)."""
    *grads, (dw, db) = reference.backward(dz, cache)
    return [*grads, (dw, db[None, :])]


@mutant("backward", killed_by="test_the_networks_gradients_are_exact", kind="height for width, rows for columns")
def maps_unflattened_as_columns_by_rows(dz, cache):
    """You unflatten the maps as (columns, rows) and not as (rows, columns)."""
    caches, flat, w, (n, c, h, v) = cache
    turned = w.reshape(c, v, h, -1).transpose(0, 2, 1, 3).reshape(w.shape)
    grads = reference.backward(dz, (caches, flat, turned, (n, c, h, v)))
    return grads


@mutant("train", killed_by="test_large_logits_train_too", kind="no shift in exponentials")
def exponentials_of_logits_as_they_are(x, y, params, **options):
    """You compute exponentials of the logits as they are, which overflow for large logits."""

    def cross_entropy(z, labels):
        rows, e = np.arange(len(z)), np.exp(z)
        p = e / e.sum(axis=1, keepdims=True)
        dz = p.copy()
        dz[rows, labels] -= 1
        return -np.log(p[rows, labels]), dz

    globals()["_cross_entropy"] = cross_entropy
    return reference.train(x, y, params, **options)


@mutant("train", killed_by="test_large_logits_train_too", kind="the maximum of the whole matrix for the row's")
def one_maximum_for_the_whole_batch(x, y, params, **options):
    """You subtract the maximum of the whole batch from the logits and not that of each row."""

    def cross_entropy(z, labels):
        rows, e = np.arange(len(z)), np.exp(z - z.max())
        p = e / e.sum(axis=1, keepdims=True)
        dz = p.copy()
        dz[rows, labels] -= 1
        return -np.log(p[rows, labels]), dz

    globals()["_cross_entropy"] = cross_entropy
    return reference.train(x, y, params, **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch", kind="epsilon in another place")
def a_small_number_in_the_logarithm(x, y, params, **options):
    """You add a small number inside the logarithm of the loss."""
    right = reference._cross_entropy

    def cross_entropy(z, labels):
        losses, dz = right(z, labels)
        return -np.log(np.exp(-losses) + 1e-3), dz

    globals()["_cross_entropy"] = cross_entropy
    return reference.train(x, y, params, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="another's gradient")
def gradient_of_the_squared_error(x, y, params, **options):
    """You step down the squared error and not the cross-entropy.

    Handout: A network
    """
    right = reference._cross_entropy

    def cross_entropy(z, labels):
        losses, difference = right(z, labels)
        p = difference.copy()
        p[np.arange(len(z)), labels] += 1
        return losses, p * (difference - (p * difference).sum(axis=1, keepdims=True))

    globals()["_cross_entropy"] = cross_entropy
    return reference.train(x, y, params, **options)


@mutant("train", killed_by="test_an_epoch_takes_every_picture_once", kind="each batch drawn anew")
def every_batch_drawn_from_all_pictures(x, y, params, *, batch_size, rng, **options):
    """You draw each batch from all pictures anew, so an epoch uses some of them twice and others never."""

    def draws(n):
        size = min(batch_size, n)
        parts = [rng.permutation(n)[: min(size, n - start)] for start in range(0, n, size)]
        return np.concatenate(parts)

    class Drawn:
        permutation = staticmethod(draws)

    return reference.train(x, y, params, batch_size=batch_size, rng=Drawn(), **options)


@mutant("train", killed_by="test_an_epoch_takes_every_picture_once", kind="batches that share a buffer")
def one_buffer_for_all_batches(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You reuse one buffer for all batches, so an incomplete last batch holds pictures of the batch before."""
    params = [(w.copy(), b.copy()) for w, b in params]
    size = min(batch_size, len(x))
    x_buffer, y_buffer = np.empty((size, *x.shape[1:])), np.empty(size, y.dtype)
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), size):
            chosen = order[start : start + size]
            x_buffer[: len(chosen)], y_buffer[: len(chosen)] = x[chosen], y[chosen]  # the rest is of the batch before
            z, cache = reference.forward(x_buffer, params)
            losses, dz = reference._cross_entropy(z, y_buffer)
            for (w, b), (dw, db) in zip(params, reference.backward(dz / len(dz), cache), strict=True):
                w -= learning_rate * dw
                b -= learning_rate * db
            loss_sum += float(losses[: len(chosen)].sum())
            right += int((z.argmax(axis=1) == y_buffer)[: len(chosen)].sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


@mutant("train", killed_by="test_every_epoch_draws_a_new_order", kind="an order never or once drawn")
def one_order_for_all_epochs(x, y, params, *, rng, **options):
    """You draw one order for all epochs."""
    order = rng.permutation(len(x))

    class Drawn:
        permutation = staticmethod(lambda n: order)

    return reference.train(x, y, params, rng=Drawn(), **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch", kind="labels or order mixed up")
def accuracy_against_the_labels_as_they_were_given(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You compute the accuracy with the labels in the order of y and not of the batches."""
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            z, cache = reference.forward(x[chosen], params)
            losses, dz = reference._cross_entropy(z, y[chosen])
            for (w, b), (dw, db) in zip(params, reference.backward(dz / len(chosen), cache), strict=True):
                w -= learning_rate * dw
                b -= learning_rate * db
            loss_sum += float(losses.sum())
            right += int((z.argmax(axis=1) == y[start : start + batch_size]).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


@mutant("train", killed_by="test_an_epoch_takes_every_picture_once", kind="state read but never stored")
def all_steps_from_where_the_epoch_began(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You compute all gradients of an epoch at the params with which it began."""
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        began = [(w.copy(), b.copy()) for w, b in params]
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            z, cache = reference.forward(x[chosen], began)
            losses, dz = reference._cross_entropy(z, y[chosen])
            for (w, b), (dw, db) in zip(params, reference.backward(dz / len(chosen), cache), strict=True):
                w -= learning_rate * dw
                b -= learning_rate * db
            loss_sum += float(losses.sum())
            right += int((z.argmax(axis=1) == y[chosen]).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


@mutant("train", killed_by="test_log_hears_of_every_epoch", kind="a step count that never advances")
def always_the_first_epoch(x, y, params, *, log=None, **options):
    """You log every epoch as the first one."""

    def first(epoch, loss, accuracy):
        log(epoch=1, loss=loss, accuracy=accuracy)

    return reference.train(x, y, params, log=log and first, **options)


@mutant(
    "train",
    killed_by="test_full_batches_follow_the_gradient",
    kind="a parameter read but replaced by a constant",
)
def always_at_the_homeworks_rate(x, y, params, *, learning_rate, **options):
    """You use a fixed learning rate and ignore learning_rate."""
    return reference.train(x, y, params, learning_rate=0.2, **options)


@mutant("train", killed_by="test_an_epoch_takes_every_picture_once", kind="a parameter read but replaced by a constant")
def always_batches_of_sixteen(x, y, params, *, batch_size, **options):
    """You use a fixed batch size and ignore batch_size."""
    return reference.train(x, y, params, batch_size=16, **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch", kind="an assignment for +=")
def logs_the_last_batch_alone(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """You overwrite the sum of the losses at each batch, so the logged loss holds the last batch only."""
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            z, cache = reference.forward(x[chosen], params)
            losses, dz = reference._cross_entropy(z, y[chosen])
            for (w, b), (dw, db) in zip(params, reference.backward(dz / len(chosen), cache), strict=True):
                w -= learning_rate * dw
                b -= learning_rate * db
            loss_sum = float(losses.sum())
            right += int((z.argmax(axis=1) == y[chosen]).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


@mutant("train", killed_by="test_train_leaves_its_arguments_alone", kind="a (1, k) gradient for (k,)")
def biases_become_rows(x, y, params, **options):
    """You return each bias as a row of shape (1, k)."""
    return [(w, b[None, :]) for w, b in reference.train(x, y, params, **options)]


@mutant("train", killed_by="test_train_leaves_its_arguments_alone", kind="a squeeze")
def trained_kernels_of_one_channel_squeezed(x, y, params, **options):
    """You drop every axis of length 1 from the trained weights."""
    return [(w.squeeze(), b) for w, b in reference.train(x, y, params, **options)]


INTEGERS = ("output_size", "receptive_field")
LAYERS = (
    "conv2d_forward",
    "conv2d_backward",
    "max_pool_forward",
    "max_pool_backward",
    "avg_pool_forward",
    "avg_pool_backward",
)
FORWARD = ("conv2d_forward", "max_pool_forward", "avg_pool_forward", "forward")
NETWORK = ("initialize", "forward", "backward")

NOT_APPLICABLE = {
    ("exponentials", (*INTEGERS, *LAYERS, *NETWORK)): "takes no exponential",
    ("batches", (*INTEGERS, *LAYERS, *NETWORK)): "cuts no batches and draws no order",
    ("state", (*INTEGERS, *LAYERS, *NETWORK)): "keeps nothing from call to call",
    ("epsilon in another place", (*INTEGERS, *LAYERS, *NETWORK)): "its formula has no epsilon, and none is of use",
    ("scale, shift or rescaling forgotten in one mode", "*"): "nothing here has modes",
    ("chance", (*INTEGERS, *LAYERS, "forward", "backward")): "draws nothing",
    ("chance", "train"): "draws orders alone; these are held under 'batches'",
    ("two dimensions taken for granted", "*"): "every array has the one number of axes that the docstring names",
    (("a squeeze", "a (1, k) gradient for (k,)"), INTEGERS): "answers one int",
    ("a (1, k) gradient for (k,)", (*FORWARD, "max_pool_backward", "avg_pool_backward")): "answers no vector",
    ("height for width, rows for columns", INTEGERS): "knows one axis",
    ("height for width, rows for columns", "train"): "hands pictures on as they are",
    ("the border cut by [p:-p]", (*INTEGERS, "max_pool_forward", "max_pool_backward")): "cuts no border",
    ("the border cut by [p:-p]", ("avg_pool_forward", "avg_pool_backward", *NETWORK, "train")): "cuts no border",
    ("a mask with >= for >", "receptive_field"): "compares nothing",
    ("a mask with >= for >", ("conv2d_forward", "conv2d_backward")): "compares nothing but sizes, in output_size",
    ("a mask with >= for >", ("avg_pool_forward", "avg_pool_backward")): "compares nothing but sizes, in output_size",
    ("a mask with >= for >", "max_pool_backward"): "the mask of winners is made in max_pool_forward, where it is tried",
    ("a mask with >= for >", "backward"): "the mask of ReLU is made in forward, where it is tried",
    ("a mask with >= for >", "train"): "compares nothing but predictions with labels",
    ("a parameter read but replaced by a constant", "backward"): "has no parameter beside the gradient and the cache",
    ("an assignment for +=", ("output_size", "initialize", "forward")): "adds nothing up in a loop",
    ("an assignment for +=", "max_pool_forward"): "takes the greatest, and adds nothing up",
    ("an assignment for +=", "backward"): "each of its arrays has one gradient, from one product",
    ("a factor of the batch, the classes or two", INTEGERS): "knows neither batch nor classes",
    ("a factor of the batch, the classes or two", FORWARD): "sums over no examples and no classes",
    ("another's gradient", (*INTEGERS, *FORWARD, "initialize")): "answers no gradient",
}
