"""Wrong answers to `ocr`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import numpy as np
import ocr as reference
from ocr import LONGER, NEIGHBOURS, SIDE
from scipy import ndimage

from autograder.testing import mutant

NOT_APPLICABLE = {
    ("exponentials", "*"): "no function to write has an exponential",
    ("masks", "find_letters"): "a pixel is exactly at the threshold with probability 0",
    ("masks", "group_lines"): "two lines have free rows between them, so no letter begins where another ends",
    ("masks", ("crop_letters", "read_text", "character_error_rate")): "compares no numbers with a bound",
    ("a squeeze", "character_error_rate"): "returns one number",
    (
        ("a (1, k) gradient for (k,)", "another's gradient", "epsilon in another place"),
        "*",
    ): "no function to write has a gradient or an epsilon",
    ("two dimensions taken for granted", "*"): "a page has two axes and a table of boxes has two, always",
    ("height for width, rows for columns", "character_error_rate"): "the least number of edits is the same both ways",
    (
        "the border cut by [p:-p]",
        ("group_lines", "read_text", "character_error_rate"),
    ): "cuts no picture: the page is handed on as it is",
    (("each batch drawn anew", "an order never or once drawn", "chance"), "*"): "no function to write draws anything",
    ("batches that share a buffer", "find_letters"): "finds the letters of one page at a time",
    ("labels or order mixed up", "find_letters"): "boxes may come in any order",
    ("state", "*"): "no function to write keeps anything from call to call",
    ("a parameter read but replaced by a constant", ("find_letters", "group_lines")): "has one parameter, its input",
    ("scale, shift or rescaling forgotten in one mode", "*"): "no function to write has modes",
    (
        "an assignment for +=",
        ("find_letters", "group_lines", "read_text", "character_error_rate"),
    ): "adds up no array",
    ("a factor of the batch, the classes or two", ("group_lines", "read_text")): "computes no number that it returns",
}

# ------------------------------------------------------------------------------------------------------------- finding


@mutant(
    "find_letters", killed_by="test_the_two_letters_of_the_handout_are_found", kind="height for width, rows for columns"
)
def columns_before_rows(image):
    boxes, binary = reference.find_letters(image)
    return boxes[:, [1, 0, 3, 2]], binary


@mutant("find_letters", killed_by="test_the_two_letters_of_the_handout_are_found")
def corner_and_size(image):
    boxes, binary = reference.find_letters(image)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1), binary


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def paper_is_true(image):
    boxes, binary = reference.find_letters(image)
    return boxes, ~binary


@mutant("find_letters", killed_by="test_a_box_holds_all_ink_of_its_letter")
def last_row_and_column_left_out(image):
    boxes, binary = reference.find_letters(image)
    return boxes - np.array([0, 0, 1, 1]), binary


@mutant("find_letters", killed_by="test_the_letters_of_a_drawn_page_are_found")
def boxes_with_a_wide_margin(image):
    boxes, binary = reference.find_letters(image)
    h, w = image.shape
    return np.clip(boxes + np.array([-12, -12, 12, 12]), 0, [h, w, h, w]), binary


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def boxes_of_floats(image):
    boxes, binary = reference.find_letters(image)
    return boxes.astype(float), binary


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def binary_of_zeros_and_ones(image):
    boxes, binary = reference.find_letters(image)
    return boxes, binary.astype(float)


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def boxes_without_their_axis(image):
    boxes, binary = reference.find_letters(image)
    return np.array([tuple(box) for box in boxes], dtype=int), binary


@mutant("find_letters", killed_by="test_one_letter_has_one_box", kind="a squeeze")
def one_box_without_its_axis(image):
    boxes, binary = reference.find_letters(image)
    return boxes[0] if len(boxes) == 1 else boxes, binary


@mutant("find_letters", killed_by="test_the_two_letters_of_the_handout_are_found",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def boxes_of_the_reduced_page(image):
    boxes, binary = reference.find_letters(image)
    return boxes // 2, binary


@mutant("_lightness", killed_by="test_ink_in_the_light_is_ink_and_paper_in_the_shade_is_paper")
def one_threshold_for_the_page(image):
    return 1.6 * ndimage.gaussian_filter(image, 1.0) / (image.min() + image.max())


@mutant("_lightness", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def grain_is_ink(image):
    paper = ndimage.gaussian_filter(image, 1.0) / reference._lightness(image)
    return 0.8 * image / (0.96 * paper)


@mutant("_lightness", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def thick_strokes_are_hollow(image):
    return ndimage.gaussian_filter(image, 1.0) / ndimage.uniform_filter(image, 15)


@mutant("_lightness", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def outlines_alone(image):
    lightness = reference._lightness(image)
    return np.where(ndimage.binary_erosion(lightness < 0.8, NEIGHBOURS), 1.0, lightness)


@mutant("find_letters", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def the_dilated_ink_is_returned(image):
    boxes, binary = reference.find_letters(image)
    return boxes, ndimage.maximum_filter(binary, 11)


@mutant("find_letters", killed_by="test_blank_paper_has_no_letters")
def contrast_stretched_first(image):
    return reference.find_letters((image - image.min()) / max(np.ptp(image), 1e-9))


@mutant("find_letters", killed_by="test_finding_letters_leaves_the_page_alone")
def smoothed_in_place(image):
    image[...] = ndimage.gaussian_filter(image, 0.5)
    return reference.find_letters(image)


@mutant("find_letters", killed_by="test_letters_may_touch_the_pages_edges", kind="the border cut by [p:-p]")
def what_touches_the_edge_is_cleared(image):
    boxes, binary = reference.find_letters(image)
    h, w = image.shape
    inside = (boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2] < h) & (boxes[:, 3] < w)
    return boxes[inside], binary


@mutant("find_letters", killed_by="test_letters_come_in_all_sizes")
def little_ink_is_no_letter(image):
    boxes, binary = reference.find_letters(image)
    ink = [binary[y0:y1, x0:x1].sum() for y0, x0, y1, x1 in boxes]
    return boxes[np.array(ink, int) >= 200], binary


@mutant("find_letters", killed_by="test_full_stops_are_no_letters")
def everything_but_specks_is_a_letter(image):
    binary = reference._lightness(image) < 0.8
    boxes = reference._boxes_of_groups(binary, gap=2)
    return boxes[(boxes[:, 2:] - boxes[:, :2]).max(axis=1) >= 6], binary


@mutant("find_letters", killed_by="test_specks_and_grain_are_no_letters")
def specks_are_letters(image):
    binary = reference._lightness(image) < 0.8
    return reference._boxes_of_groups(binary, gap=2), binary


@mutant("_boxes_of_groups", killed_by="test_a_broken_letter_is_one_letter")
def every_piece_is_a_letter(letters, gap):
    return reference._boxes_of_groups(letters, 0)


@mutant("_boxes_of_groups", killed_by="test_every_letter_has_its_box")
def neighbours_are_joined(letters, gap):
    return reference._boxes_of_groups(letters, 6 * gap)


@mutant("_boxes_of_groups", killed_by="test_letters_come_in_all_sizes")
def joined_over_nine_pixels_always(letters, gap):
    return reference._boxes_of_groups(letters, 9)


@mutant("_boxes_of_groups", killed_by="test_a_broken_letter_is_one_letter")
def joined_over_a_pixel_always(letters, gap):
    return reference._boxes_of_groups(letters, 1)


@mutant("find_letters", killed_by="test_every_letter_has_its_box")
def boxes_that_overlap_are_one(image):
    boxes, binary = reference.find_letters(image)
    kept = []
    for y0, x0, y1, x1 in boxes.tolist():
        for other in kept:
            if y0 < other[2] and other[0] < y1 and x0 < other[3] and other[1] < x1:
                other[:] = min(y0, other[0]), min(x0, other[1]), max(y1, other[2]), max(x1, other[3])
                break
        else:
            kept.append([y0, x0, y1, x1])
    return np.array(kept, int).reshape(-1, 4), binary


@mutant("find_letters", killed_by="test_every_letter_has_its_box")
def letters_end_at_an_empty_column(image):
    """Rows of ink are lines, and in a line columns of ink are letters: slanted ones share columns."""
    boxes, binary = reference.find_letters(image)
    found = []
    for line in reference.group_lines(boxes):
        y0, y1 = line[:, 0].min(), line[:, 2].max()
        columns, count = ndimage.label(binary[y0:y1].any(axis=0))
        for i in range(1, count + 1):
            xs = np.flatnonzero(columns == i)
            found.append([y0, xs[0], y1, xs[-1] + 1])
    return np.array(found, int).reshape(-1, 4), binary


@mutant("_without_threads", killed_by="test_a_thread_joins_no_letters")
def threads_are_strokes(binary, lightness):
    return binary


@mutant("_without_threads", killed_by="test_letters_come_in_all_sizes")
def whatever_is_thin_goes(binary, lightness):
    return ndimage.binary_opening(binary, np.ones((5, 5)))


@mutant("find_letters", killed_by="test_the_letters_of_four_whole_pages_are_found")
def large_pages_are_reduced_first(image):
    if max(image.shape) <= 800:
        return reference.find_letters(image)
    boxes, binary = reference.find_letters(image[::6, ::6])
    h, w = image.shape
    return np.minimum(6 * boxes, [h, w, h, w]), np.kron(binary, np.ones((6, 6), bool))[:h, :w]


# --------------------------------------------------------------------------------------------------------------- lines


@mutant("group_lines", killed_by="test_lines_are_in_reading_order")
def lines_as_they_come(boxes):
    lines = reference.group_lines(boxes)
    place = {tuple(box): i for i, box in enumerate(boxes.tolist())}
    return sorted(lines, key=lambda line: min(place[tuple(box)] for box in line.tolist()))


@mutant("group_lines", killed_by="test_the_lines_of_the_handout", kind="labels or order mixed up")
def letters_from_top_to_bottom(boxes):
    return [line[np.argsort(line[:, 0], kind="stable")] for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_the_lines_of_the_handout")
def letters_from_right_to_left(boxes):
    return [line[::-1] for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_the_lines_of_the_handout")
def numbers_of_boxes(boxes):
    rows = boxes.tolist()
    return [np.array([rows.index(box) for box in line.tolist()]) for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_one_letter_is_a_line", kind="a squeeze")
def a_line_of_one_letter_without_its_axis(boxes):
    return [line[0] if len(line) == 1 else line for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_each_line_is_an_array_of_its_boxes")
def lines_are_lists_of_boxes(boxes):
    return [list(line) for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_lines_are_in_reading_order", kind="height for width, rows for columns")
def columns_are_lines(boxes):
    return [line[:, [1, 0, 3, 2]] for line in reference.group_lines(boxes[:, [1, 0, 3, 2]])]


@mutant("group_lines", killed_by="test_lines_are_in_reading_order", kind="batches that share a buffer")
def one_list_for_all_lines(boxes):
    lines = reference.group_lines(boxes)
    return [np.concatenate(lines)] * len(lines)


@mutant("group_lines", killed_by="test_lines_may_rise_and_fall")
def level_within_ten_pixels(boxes):
    lines = []
    for box in boxes[np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")]:
        if not lines or box[0] + box[2] - lines[-1][-1][0] - lines[-1][-1][2] > 20:
            lines.append([])
        lines[-1].append(box)
    return [np.array(sorted(line, key=lambda box: box[1] + box[3])) for line in lines]


@mutant("group_lines", killed_by="test_lines_may_rise_and_fall")
def level_with_the_first_letter(boxes):
    half = np.median(boxes[:, 2] - boxes[:, 0]) / 2 if len(boxes) else 0
    lines = []
    for box in boxes[np.argsort(boxes[:, 1], kind="stable")]:
        for line in lines:
            if abs((box[0] + box[2]) / 2 - (line[0][0] + line[0][2]) / 2) <= half:
                line.append(box)
                break
        else:
            lines.append([box])
    return [np.array(line) for line in sorted(lines, key=lambda line: line[0][0])]


@mutant("group_lines", killed_by="test_the_true_boxes_of_pages_fall_into_lines")
def rows_of_a_grid(boxes):
    height = int(np.median(boxes[:, 2] - boxes[:, 0]) * 1.5) if len(boxes) else 1
    number = boxes[:, 2] // height
    return [boxes[number == i][np.argsort(boxes[number == i][:, 1])] for i in np.unique(number)]


@mutant("group_lines", killed_by="test_one_letter_is_a_line")
def a_single_letter_is_no_line(boxes):
    return [line for line in reference.group_lines(boxes) if len(line) > 1]


@mutant("group_lines", killed_by="test_no_letters_are_no_lines")
def an_empty_line_for_no_letters(boxes):
    return reference.group_lines(boxes) or [boxes]


@mutant("group_lines", killed_by="test_a_column_of_letters_is_as_many_lines")
def letters_that_share_a_column_are_one_line(boxes):
    lines = reference.group_lines(boxes)
    if len(lines) > 1 and all(len(line) == 1 for line in lines):
        return [np.concatenate(lines)]
    return lines


@mutant("group_lines", killed_by="test_grouping_leaves_the_boxes_alone")
def sorted_in_place(boxes):
    boxes[...] = boxes[np.argsort(boxes[:, 0], kind="stable")]
    return reference.group_lines(boxes)


# --------------------------------------------------------------------------------------------------------------- crops


@mutant("crop_letters", killed_by="test_crops_keep_their_proportions")
def stretched_to_a_square(binary, boxes):
    crops = np.ones((len(boxes), SIDE, SIDE))
    for crop, (y0, x0, y1, x1) in zip(crops, boxes, strict=True):
        rows, columns = reference._averages(y1 - y0, LONGER), reference._averages(x1 - x0, LONGER)
        crop[4:28, 4:28] -= rows @ binary[y0:y1, x0:x1] @ columns.T
    return crops


@mutant("crop_letters", killed_by="test_letters_stand_in_the_middle_of_their_crops")
def in_the_upper_left_corner(binary, boxes):
    crops = reference.crop_letters(binary, boxes)
    for crop in crops:
        ink = crop < 1
        up, left = np.argmax(ink.any(axis=1)) - 4, np.argmax(ink.any(axis=0)) - 4
        crop[...] = np.roll(crop, (-up, -left), axis=(0, 1))
    return crops


@mutant("crop_letters", killed_by="test_crops_are_dark_ink_on_white_paper")
def without_a_margin(binary, boxes):
    crops = np.ones((len(boxes), SIDE, SIDE))
    for crop, (y0, x0, y1, x1) in zip(crops, boxes, strict=True):
        h, w = y1 - y0, x1 - x0
        h, w = max(1, round(SIDE * h / max(h, w))), max(1, round(SIDE * w / max(h, w)))
        top, left = (SIDE - h) // 2, (SIDE - w) // 2
        small = reference._averages(y1 - y0, h) @ binary[y0:y1, x0:x1] @ reference._averages(x1 - x0, w).T
        crop[top : top + h, left : left + w] -= small
    return crops


@mutant("crop_letters", killed_by="test_crops_are_dark_ink_on_white_paper")
def bright_ink_on_black_paper(binary, boxes):
    return 1 - reference.crop_letters(binary, boxes)


@mutant("crop_letters", killed_by="test_a_crop_for_each_box")
def from_0_to_255(binary, boxes):
    return 255 * reference.crop_letters(binary, boxes)


@mutant("crop_letters", killed_by="test_no_boxes_have_no_crops")
def no_boxes_cannot_be_stacked(binary, boxes):
    return np.stack([reference.crop_letters(binary, box[None])[0] for box in boxes])


@mutant("crop_letters", killed_by="test_one_box_has_one_crop", kind="a squeeze")
def one_crop_without_its_axis(binary, boxes):
    crops = reference.crop_letters(binary, boxes)
    return crops[0] if len(crops) == 1 else crops


@mutant("crop_letters", killed_by="test_a_crop_for_each_box")
def crops_of_single_precision(binary, boxes):
    return reference.crop_letters(binary, boxes).astype(np.float32)


@mutant("crop_letters", killed_by="test_a_crop_for_each_box")
def a_list_of_crops(binary, boxes):
    return list(reference.crop_letters(binary, boxes))


@mutant("crop_letters", killed_by="test_crops_stand_upright", kind="the border cut by [p:-p]")
def without_the_letters_border(binary, boxes):
    return reference.crop_letters(binary, boxes + np.array([4, 4, -4, -4]))


@mutant("crop_letters", killed_by="test_crops_are_in_the_order_of_the_boxes", kind="batches that share a buffer")
def one_picture_for_all(binary, boxes):
    crops = reference.crop_letters(binary, boxes)
    crops[:] = crops[-1:]
    return crops


@mutant("crop_letters", killed_by="test_crops_stand_upright", kind="a parameter read but replaced by a constant")
def boxes_in_place_of_letters(binary, boxes):
    return reference.crop_letters(np.ones_like(binary), boxes)


@mutant("crop_letters", killed_by="test_crops_are_dark_ink_on_white_paper", kind="an assignment for +=")
def ink_assigned_and_not_taken_away(binary, boxes):
    crops = np.ones((len(boxes), SIDE, SIDE))
    for crop, (y0, x0, y1, x1) in zip(crops, boxes, strict=True):
        h, w = (max(1, round(LONGER * side / max(y1 - y0, x1 - x0))) for side in (y1 - y0, x1 - x0))
        top, left = (SIDE - h) // 2, (SIDE - w) // 2
        small = reference._averages(y1 - y0, h) @ binary[y0:y1, x0:x1] @ reference._averages(x1 - x0, w).T
        crop[top : top + h, left : left + w] = small
    return crops


@mutant("_averages", killed_by="test_crops_are_dark_ink_on_white_paper",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def sums_in_place_of_means(source, target):
    return reference._averages(source, target) * source / target


@mutant("crop_letters", killed_by="test_the_crop_of_the_handout", kind="height for width, rows for columns")
def transposed_as_in_the_homework(binary, boxes):
    return reference.crop_letters(binary, boxes).transpose(0, 2, 1)


@mutant("crop_letters", killed_by="test_crops_stand_upright")
def mirrored(binary, boxes):
    return reference.crop_letters(binary, boxes)[:, :, ::-1]


@mutant("crop_letters", killed_by="test_crops_stand_upright")
def upside_down(binary, boxes):
    return reference.crop_letters(binary, boxes)[:, ::-1]


@mutant("crop_letters", killed_by="test_crops_are_in_the_order_of_the_boxes", kind="labels or order mixed up")
def in_an_order_of_their_own(binary, boxes):
    return reference.crop_letters(binary, boxes[np.argsort(boxes[:, 1])])


@mutant("crop_letters", killed_by="test_letters_at_the_pages_edges_are_cropped")
def a_margin_that_leaves_the_page(binary, boxes):
    wide = boxes + np.array([-1, -1, 1, 1])
    crops = np.ones((len(boxes), SIDE, SIDE))
    for crop, (y0, x0, y1, x1) in zip(crops, wide, strict=True):
        letter = binary[y0:y1, x0:x1]
        if letter.size:
            crop[...] = reference.crop_letters(letter, np.array([[0, 0, *letter.shape]]))[0]
    return crops


@mutant("_averages", killed_by="test_thin_strokes_leave_their_trace")
def one_pixel_of_many(source, target):
    matrix = np.zeros((target, source))
    matrix[np.arange(target), (np.arange(target) * source) // target] = 1
    return matrix


@mutant("crop_letters", killed_by="test_cropping_leaves_its_inputs_alone")
def inverted_in_place(binary, boxes):
    crops = reference.crop_letters(binary, boxes)
    np.logical_not(binary, out=binary)
    return crops


@mutant("crop_letters", killed_by="test_four_whole_pages_are_read")
def room_for_eight_letters(binary, boxes):
    crops = np.ones((len(boxes), SIDE, SIDE))
    crops[:8] = reference.crop_letters(binary, boxes[:8])
    return crops


# ------------------------------------------------------------------------------------------------------------- reading


@mutant("read_text", killed_by="test_a_drawn_page_is_read")
def in_one_line(image, classify):
    return reference.read_text(image, classify).replace("\n", "")


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter", kind="labels or order mixed up")
def letters_in_the_order_they_were_found(image, classify):
    boxes, binary = reference.find_letters(image)
    lines = reference.group_lines(boxes)
    text = classify(reference.crop_letters(binary, boxes)) if len(boxes) else ""
    ends = np.cumsum([0, *map(len, lines)])
    return "\n".join(text[ends[i] : ends[i + 1]] for i in range(len(lines)))


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter")
def a_newline_at_the_end(image, classify):
    text = reference.read_text(image, classify)
    return text + "\n" if text else text


@mutant("read_text", killed_by="test_the_classifier_has_the_word")
def spaces_between_letters(image, classify):
    return "\n".join(" ".join(line) for line in reference.read_text(image, classify).split("\n"))


@mutant("read_text", killed_by="test_the_classifier_has_the_word")
def rows_instead_of_pictures(image, classify):
    return reference.read_text(image, lambda crops: classify(crops.reshape(len(crops), -1)))


@mutant("read_text", killed_by="test_a_page_of_one_letter_is_read", kind="a squeeze")
def one_letter_without_its_axis(image, classify):
    return reference.read_text(image, lambda crops: classify(crops[0] if len(crops) == 1 else crops))


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter", kind="height for width, rows for columns")
def transposed_for_the_classifier(image, classify):
    return reference.read_text(image, lambda crops: classify(crops.transpose(0, 2, 1)))


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter", kind="batches that share a buffer")
def the_first_crop_for_every_letter(image, classify):
    return reference.read_text(image, lambda crops: classify(crops[:1]) * len(crops))


@mutant("read_text", killed_by="test_the_classifier_has_the_word", kind="a parameter read but replaced by a constant")
def every_letter_is_an_e(image, classify):
    return reference.read_text(image, lambda crops: "E" * len(crops))


@mutant("read_text", killed_by="test_drawn_pages_are_read_well")
def bright_crops_for_the_classifier(image, classify):
    return reference.read_text(image, lambda crops: classify(1 - crops))


@mutant("read_text", killed_by="test_on_blank_paper_there_is_nothing_to_read")
def nothing_is_classified_too(image, classify):
    boxes, _ = reference.find_letters(image)
    if not len(boxes):
        return classify(np.ones((1, SIDE, SIDE)))
    return reference.read_text(image, classify)


@mutant("read_text", killed_by="test_a_blank_page_says_nothing")
def no_text_is_none(image, classify):
    return reference.read_text(image, classify) or None


# ---------------------------------------------------------------------------------------------------------------- rate


@mutant("character_error_rate", killed_by="test_the_error_rate_of_the_handout")
def place_by_place(text, truth):
    if not truth:
        raise ValueError("no truth")
    return sum(a != b for a, b in zip(text, truth, strict=False)) / len(truth)


@mutant("character_error_rate", killed_by="test_what_is_read_rightly_has_no_errors")
def share_of_right_characters(text, truth):
    return 1 - reference.character_error_rate(text, truth)


@mutant("character_error_rate", killed_by="test_the_error_rate_of_the_handout", kind="labels or order mixed up")
def over_the_length_of_the_text(text, truth):
    return reference.character_error_rate(text, truth) * len(truth) / max(1, len(text))


@mutant(
    "character_error_rate",
    killed_by="test_the_error_rate_counts_the_fewest_edits",
    kind="a factor of the batch, the classes or two",
)
def without_replacements(text, truth):
    if not truth:
        raise ValueError("no truth")
    row = list(range(len(truth) + 1))
    for i, character in enumerate(text, 1):
        above, row = row, [i]
        for j, wanted in enumerate(truth, 1):
            row.append(above[j - 1] if character == wanted else min(above[j], row[-1]) + 1)
    return row[-1] / len(truth)


@mutant("character_error_rate", killed_by="test_the_error_rate_counts_the_fewest_edits",
        kind="batches that share a buffer")  # fmt: skip
def rows_share_a_buffer(text, truth):
    if not truth:
        raise ValueError("no truth")
    row = list(range(len(truth) + 1))
    for i, character in enumerate(text, 1):
        row[0] = i
        for j, wanted in enumerate(truth, 1):
            row[j] = min(row[j] + 1, row[j - 1] + 1, row[j - 1] + (character != wanted))
    return row[-1] / len(truth)


@mutant("character_error_rate", killed_by="test_the_error_rate_counts_the_fewest_edits",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def over_six_characters(text, truth):
    return reference.character_error_rate(text, truth) * len(truth) / 6


@mutant("character_error_rate", killed_by="test_nothing_read_is_a_rate_of_one")
def nothing_read_is_nothing_wrong(text, truth):
    return reference.character_error_rate(text, truth) if text or not truth else 0.0


@mutant("character_error_rate", killed_by="test_newlines_count_like_all_characters")
def newlines_do_not_count(text, truth):
    rate = reference.character_error_rate(text.replace("\n", ""), truth.replace("\n", "") or "X")
    return rate * len(truth.replace("\n", "") or "X") / len(truth) if truth else reference.character_error_rate("", "")


@mutant("character_error_rate", killed_by="test_the_error_rate_may_exceed_one")
def never_above_one(text, truth):
    return min(1.0, reference.character_error_rate(text, truth))


@mutant("character_error_rate", killed_by="test_there_is_no_rate_without_a_truth")
def zero_without_a_truth(text, truth):
    return reference.character_error_rate(text, truth) if truth else float(len(text) > 0)
