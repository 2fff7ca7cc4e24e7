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
    """You return boxes with the columns before the rows: x0, y0, x1, y1.

    Handout: What you write
    """
    boxes, binary = reference.find_letters(image)
    return boxes[:, [1, 0, 3, 2]], binary


@mutant("find_letters", killed_by="test_the_two_letters_of_the_handout_are_found")
def corner_and_size(image):
    """You return the height and the width of each box in place of y1 and x1.

    Handout: What you write
    """
    boxes, binary = reference.find_letters(image)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1), binary


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def paper_is_true(image):
    """Your binary is True on paper and False on ink."""
    boxes, binary = reference.find_letters(image)
    return boxes, ~binary


@mutant("find_letters", killed_by="test_a_box_holds_all_ink_of_its_letter")
def last_row_and_column_left_out(image):
    """Your y1 and x1 are the last row and column of the letter, so that the box leaves these out.

    Handout: What you write
    """
    boxes, binary = reference.find_letters(image)
    return boxes - np.array([0, 0, 1, 1]), binary


@mutant("find_letters", killed_by="test_the_letters_of_a_drawn_page_are_found")
def boxes_with_a_wide_margin(image):
    """You leave a wide margin around each letter in its box."""
    boxes, binary = reference.find_letters(image)
    h, w = image.shape
    return np.clip(boxes + np.array([-12, -12, 12, 12]), 0, [h, w, h, w]), binary


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def boxes_of_floats(image):
    """You return boxes of floats in place of integers."""
    boxes, binary = reference.find_letters(image)
    return boxes.astype(float), binary


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def binary_of_zeros_and_ones(image):
    """You return binary as floats, 0 and 1, in place of bools."""
    boxes, binary = reference.find_letters(image)
    return boxes, binary.astype(float)


@mutant("find_letters", killed_by="test_boxes_are_whole_numbers_and_binary_is_bool")
def boxes_without_their_axis(image):
    """Your boxes have the shape (0,) for a page without letters."""
    boxes, binary = reference.find_letters(image)
    return np.array([tuple(box) for box in boxes], dtype=int), binary


@mutant("find_letters", killed_by="test_one_letter_has_one_box", kind="a squeeze")
def one_box_without_its_axis(image):
    """Your boxes have the shape (4,) for a page of one letter."""
    boxes, binary = reference.find_letters(image)
    return boxes[0] if len(boxes) == 1 else boxes, binary


@mutant("find_letters", killed_by="test_the_two_letters_of_the_handout_are_found",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def boxes_of_the_reduced_page(image):
    """You return boxes in pixels of a page that is reduced to half its size."""
    boxes, binary = reference.find_letters(image)
    return boxes // 2, binary


@mutant("_lightness", killed_by="test_ink_in_the_light_is_ink_and_paper_in_the_shade_is_paper")
def one_threshold_for_the_page(image):
    """You use one threshold for the whole page.

    Handout: Ink and paper
    """
    return 1.6 * ndimage.gaussian_filter(image, 1.0) / (image.min() + image.max())


@mutant("_lightness", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def grain_is_ink(image):
    """You set the threshold so near to the brightness of the paper that grain counts as ink.

    Handout: Ink and paper
    """
    paper = ndimage.gaussian_filter(image, 1.0) / reference._lightness(image)
    return 0.8 * image / (0.96 * paper)


@mutant("_lightness", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def thick_strokes_are_hollow(image):
    """You estimate the paper in a window smaller than a thick stroke, so that the stroke becomes hollow.

    Handout: Ink and paper
    """
    return ndimage.gaussian_filter(image, 1.0) / ndimage.uniform_filter(image, 15)


@mutant("_lightness", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def outlines_alone(image):
    """You mark only the outlines of the strokes as ink."""
    lightness = reference._lightness(image)
    return np.where(ndimage.binary_erosion(lightness < 0.8, NEIGHBOURS), 1.0, lightness)


@mutant("find_letters", killed_by="test_binary_is_true_on_ink_and_false_on_paper")
def the_dilated_ink_is_returned(image):
    """You return the dilated ink as binary."""
    boxes, binary = reference.find_letters(image)
    return boxes, ndimage.maximum_filter(binary, 11)


@mutant("find_letters", killed_by="test_blank_paper_has_no_letters")
def contrast_stretched_first(image):
    """You stretch the contrast of the whole page first, so that grain on blank paper becomes ink."""
    return reference.find_letters((image - image.min()) / max(np.ptp(image), 1e-9))


@mutant("find_letters", killed_by="test_finding_letters_leaves_the_page_alone")
def smoothed_in_place(image):
    """You smooth the page in place and so change your argument."""
    image[...] = ndimage.gaussian_filter(image, 0.5)
    return reference.find_letters(image)


@mutant("find_letters", killed_by="test_letters_may_touch_the_pages_edges", kind="the border cut by [p:-p]")
def what_touches_the_edge_is_cleared(image):
    """You leave out letters that touch the edge of the page.

    Handout: From ink to letters
    """
    boxes, binary = reference.find_letters(image)
    h, w = image.shape
    inside = (boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2] < h) & (boxes[:, 3] < w)
    return boxes[inside], binary


@mutant("find_letters", killed_by="test_letters_come_in_all_sizes")
def little_ink_is_no_letter(image):
    """You leave out boxes with few pixels of ink, so that small letters are lost.

    Handout: From ink to letters
    """
    boxes, binary = reference.find_letters(image)
    ink = [binary[y0:y1, x0:x1].sum() for y0, x0, y1, x1 in boxes]
    return boxes[np.array(ink, int) >= 200], binary


@mutant("find_letters", killed_by="test_full_stops_are_no_letters")
def everything_but_specks_is_a_letter(image):
    """You give a box to everything that is larger than a speck, dots included.

    Handout: From ink to letters
    """
    binary = reference._lightness(image) < 0.8
    boxes = reference._boxes_of_groups(binary, gap=2)
    return boxes[(boxes[:, 2:] - boxes[:, :2]).max(axis=1) >= 6], binary


@mutant("find_letters", killed_by="test_specks_and_grain_are_no_letters")
def specks_are_letters(image):
    """You give a box to specks, too.

    Handout: From ink to letters
    """
    binary = reference._lightness(image) < 0.8
    return reference._boxes_of_groups(binary, gap=2), binary


@mutant("_boxes_of_groups", killed_by="test_a_broken_letter_is_one_letter")
def every_piece_is_a_letter(letters, gap):
    """You do not join the pieces of a broken letter, so that each piece has a box of its own.

    Handout: From ink to letters
    """
    return reference._boxes_of_groups(letters, 0)


@mutant("_boxes_of_groups", killed_by="test_every_letter_has_its_box")
def neighbours_are_joined(letters, gap):
    """You join ink over so great a distance that neighbouring letters become one.

    Handout: From ink to letters
    """
    return reference._boxes_of_groups(letters, 6 * gap)


@mutant("_boxes_of_groups", killed_by="test_letters_come_in_all_sizes")
def joined_over_nine_pixels_always(letters, gap):
    """You join ink over a fixed number of pixels, which is too many for small letters.

    Handout: From ink to letters
    """
    return reference._boxes_of_groups(letters, 9)


@mutant("_boxes_of_groups", killed_by="test_a_broken_letter_is_one_letter")
def joined_over_a_pixel_always(letters, gap):
    """You join ink over a fixed number of pixels, which is too few for large letters.

    Handout: From ink to letters
    """
    return reference._boxes_of_groups(letters, 1)


@mutant("find_letters", killed_by="test_every_letter_has_its_box")
def boxes_that_overlap_are_one(image):
    """You merge boxes that overlap, so that slanted neighbours become one letter.

    Handout: From ink to letters
    """
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
    """You separate the letters of a line at empty columns, so that slanted neighbours become one letter."""
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
    """You do not remove threads, so that letters that a thread joins become one.

    Handout: From ink to letters
    """
    return binary


@mutant("_without_threads", killed_by="test_letters_come_in_all_sizes")
def whatever_is_thin_goes(binary, lightness):
    """You remove whatever is thin, on every page, so that thin strokes are lost.

    Handout: From ink to letters
    """
    return ndimage.binary_opening(binary, np.ones((5, 5)))


@mutant("find_letters", killed_by="test_the_letters_of_four_whole_pages_are_found")
def large_pages_are_reduced_first(image):
    """You reduce large pages before you look for letters, so that letters are lost."""
    if max(image.shape) <= 800:
        return reference.find_letters(image)
    boxes, binary = reference.find_letters(image[::6, ::6])
    h, w = image.shape
    return np.minimum(6 * boxes, [h, w, h, w]), np.kron(binary, np.ones((6, 6), bool))[:h, :w]


# --------------------------------------------------------------------------------------------------------------- lines


@mutant("group_lines", killed_by="test_lines_are_in_reading_order")
def lines_as_they_come(boxes):
    """You return the lines in the order in which their boxes are given, not from top to bottom."""
    lines = reference.group_lines(boxes)
    place = {tuple(box): i for i, box in enumerate(boxes.tolist())}
    return sorted(lines, key=lambda line: min(place[tuple(box)] for box in line.tolist()))


@mutant("group_lines", killed_by="test_the_lines_of_the_handout", kind="labels or order mixed up")
def letters_from_top_to_bottom(boxes):
    """You sort the letters of a line from top to bottom."""
    return [line[np.argsort(line[:, 0], kind="stable")] for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_the_lines_of_the_handout")
def letters_from_right_to_left(boxes):
    """You return the letters of a line from right to left."""
    return [line[::-1] for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_the_lines_of_the_handout")
def numbers_of_boxes(boxes):
    """You return the indices of the boxes in place of the boxes."""
    rows = boxes.tolist()
    return [np.array([rows.index(box) for box in line.tolist()]) for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_one_letter_is_a_line", kind="a squeeze")
def a_line_of_one_letter_without_its_axis(boxes):
    """You return an array of the shape (4,) for a line of one letter."""
    return [line[0] if len(line) == 1 else line for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_each_line_is_an_array_of_its_boxes")
def lines_are_lists_of_boxes(boxes):
    """You return each line as a list of boxes and not as an array."""
    return [list(line) for line in reference.group_lines(boxes)]


@mutant("group_lines", killed_by="test_lines_are_in_reading_order", kind="height for width, rows for columns")
def columns_are_lines(boxes):
    """You group the boxes into columns in place of lines."""
    return [line[:, [1, 0, 3, 2]] for line in reference.group_lines(boxes[:, [1, 0, 3, 2]])]


@mutant("group_lines", killed_by="test_lines_are_in_reading_order", kind="batches that share a buffer")
def one_list_for_all_lines(boxes):
    """Your lines share one list, so that each of them holds all boxes."""
    lines = reference.group_lines(boxes)
    return [np.concatenate(lines)] * len(lines)


@mutant("group_lines", killed_by="test_lines_may_rise_and_fall")
def level_within_ten_pixels(boxes):
    """You begin a new line at a fixed difference in pixels, whatever the height of the letters is.

    Handout: Lines
    """
    lines = []
    for box in boxes[np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")]:
        if not lines or box[0] + box[2] - lines[-1][-1][0] - lines[-1][-1][2] > 20:
            lines.append([])
        lines[-1].append(box)
    return [np.array(sorted(line, key=lambda box: box[1] + box[3])) for line in lines]


@mutant("group_lines", killed_by="test_lines_may_rise_and_fall")
def level_with_the_first_letter(boxes):
    """You compare each letter with the first one of its line, so that a line that rises or falls is split.

    Handout: Lines
    """
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
    """You divide y by a row height, so that a line that crosses the border of two rows is split.

    Handout: Lines
    """
    height = int(np.median(boxes[:, 2] - boxes[:, 0]) * 1.5) if len(boxes) else 1
    number = boxes[:, 2] // height
    return [boxes[number == i][np.argsort(boxes[number == i][:, 1])] for i in np.unique(number)]


@mutant("group_lines", killed_by="test_one_letter_is_a_line")
def a_single_letter_is_no_line(boxes):
    """You leave out lines of one letter."""
    return [line for line in reference.group_lines(boxes) if len(line) > 1]


@mutant("group_lines", killed_by="test_no_letters_are_no_lines")
def an_empty_line_for_no_letters(boxes):
    """You return one empty line where there are no boxes."""
    return reference.group_lines(boxes) or [boxes]


@mutant("group_lines", killed_by="test_a_column_of_letters_is_as_many_lines")
def letters_that_share_a_column_are_one_line(boxes):
    """You put letters that stand below one another into one line, if each line has only one letter."""
    lines = reference.group_lines(boxes)
    if len(lines) > 1 and all(len(line) == 1 for line in lines):
        return [np.concatenate(lines)]
    return lines


@mutant("group_lines", killed_by="test_grouping_leaves_the_boxes_alone")
def sorted_in_place(boxes):
    """You sort the boxes in place and so change your argument."""
    boxes[...] = boxes[np.argsort(boxes[:, 0], kind="stable")]
    return reference.group_lines(boxes)


# --------------------------------------------------------------------------------------------------------------- crops


@mutant("crop_letters", killed_by="test_crops_keep_their_proportions")
def stretched_to_a_square(binary, boxes):
    """You stretch each letter to a square.

    Handout: Crops
    """
    crops = np.ones((len(boxes), SIDE, SIDE))
    for crop, (y0, x0, y1, x1) in zip(crops, boxes, strict=True):
        rows, columns = reference._averages(y1 - y0, LONGER), reference._averages(x1 - x0, LONGER)
        crop[4:28, 4:28] -= rows @ binary[y0:y1, x0:x1] @ columns.T
    return crops


@mutant("crop_letters", killed_by="test_letters_stand_in_the_middle_of_their_crops")
def in_the_upper_left_corner(binary, boxes):
    """You put each letter at the upper left of its crop and not in the middle."""
    crops = reference.crop_letters(binary, boxes)
    for crop in crops:
        ink = crop < 1
        up, left = np.argmax(ink.any(axis=1)) - 4, np.argmax(ink.any(axis=0)) - 4
        crop[...] = np.roll(crop, (-up, -left), axis=(0, 1))
    return crops


@mutant("crop_letters", killed_by="test_crops_are_dark_ink_on_white_paper")
def without_a_margin(binary, boxes):
    """You scale the longer side of the letter to the whole crop, without a margin.

    Handout: Crops
    """
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
    """You return crops of bright ink on black paper."""
    return 1 - reference.crop_letters(binary, boxes)


@mutant("crop_letters", killed_by="test_a_crop_for_each_box")
def from_0_to_255(binary, boxes):
    """You return crops with entries from 0 to 255."""
    return 255 * reference.crop_letters(binary, boxes)


@mutant("crop_letters", killed_by="test_no_boxes_have_no_crops")
def no_boxes_cannot_be_stacked(binary, boxes):
    """You stack a list of crops, which fails where there are no boxes."""
    return np.stack([reference.crop_letters(binary, box[None])[0] for box in boxes])


@mutant("crop_letters", killed_by="test_one_box_has_one_crop", kind="a squeeze")
def one_crop_without_its_axis(binary, boxes):
    """You return an array of the shape (32, 32) for a single box."""
    crops = reference.crop_letters(binary, boxes)
    return crops[0] if len(crops) == 1 else crops


@mutant("crop_letters", killed_by="test_a_crop_for_each_box")
def crops_of_single_precision(binary, boxes):
    """You return crops of float32 in place of float64."""
    return reference.crop_letters(binary, boxes).astype(np.float32)


@mutant("crop_letters", killed_by="test_a_crop_for_each_box")
def a_list_of_crops(binary, boxes):
    """You return a list of crops in place of one array."""
    return list(reference.crop_letters(binary, boxes))


@mutant("crop_letters", killed_by="test_crops_stand_upright", kind="the border cut by [p:-p]")
def without_the_letters_border(binary, boxes):
    """You cut the border off each letter before you scale it."""
    return reference.crop_letters(binary, boxes + np.array([4, 4, -4, -4]))


@mutant("crop_letters", killed_by="test_crops_are_in_the_order_of_the_boxes", kind="batches that share a buffer")
def one_picture_for_all(binary, boxes):
    """Your crops share one buffer, so that all of them show the last letter."""
    crops = reference.crop_letters(binary, boxes)
    crops[:] = crops[-1:]
    return crops


@mutant("crop_letters", killed_by="test_crops_stand_upright", kind="a parameter read but replaced by a constant")
def boxes_in_place_of_letters(binary, boxes):
    """You fill each box with ink, whatever binary is."""
    return reference.crop_letters(np.ones_like(binary), boxes)


@mutant("crop_letters", killed_by="test_crops_are_dark_ink_on_white_paper", kind="an assignment for +=")
def ink_assigned_and_not_taken_away(binary, boxes):
    """You write 1 for ink and 0 for paper inside the letter's box, on white paper."""
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
    """You add up the pixels of the letter in place of averaging them.

    Handout: Crops
    """
    return reference._averages(source, target) * source / target


@mutant("crop_letters", killed_by="test_the_crop_of_the_handout", kind="height for width, rows for columns")
def transposed_as_in_the_homework(binary, boxes):
    """You transpose the crops."""
    return reference.crop_letters(binary, boxes).transpose(0, 2, 1)


@mutant("crop_letters", killed_by="test_crops_stand_upright")
def mirrored(binary, boxes):
    """You mirror the crops from left to right."""
    return reference.crop_letters(binary, boxes)[:, :, ::-1]


@mutant("crop_letters", killed_by="test_crops_stand_upright")
def upside_down(binary, boxes):
    """You return the crops upside down."""
    return reference.crop_letters(binary, boxes)[:, ::-1]


@mutant("crop_letters", killed_by="test_crops_are_in_the_order_of_the_boxes", kind="labels or order mixed up")
def in_an_order_of_their_own(binary, boxes):
    """You return the crops from left to right and not in the order of the boxes."""
    return reference.crop_letters(binary, boxes[np.argsort(boxes[:, 1])])


@mutant("crop_letters", killed_by="test_letters_at_the_pages_edges_are_cropped")
def a_margin_that_leaves_the_page(binary, boxes):
    """You widen boxes beyond the page, so that letters at its upper or left edge are cut out wrongly."""
    wide = boxes + np.array([-1, -1, 1, 1])
    crops = np.ones((len(boxes), SIDE, SIDE))
    for crop, (y0, x0, y1, x1) in zip(crops, wide, strict=True):
        letter = binary[y0:y1, x0:x1]
        if letter.size:
            crop[...] = reference.crop_letters(letter, np.array([[0, 0, *letter.shape]]))[0]
    return crops


@mutant("_averages", killed_by="test_thin_strokes_leave_their_trace")
def one_pixel_of_many(source, target):
    """You take single pixels in place of averages when you scale, so that thin strokes are lost.

    Handout: Crops
    """
    matrix = np.zeros((target, source))
    matrix[np.arange(target), (np.arange(target) * source) // target] = 1
    return matrix


@mutant("crop_letters", killed_by="test_cropping_leaves_its_inputs_alone")
def inverted_in_place(binary, boxes):
    """You invert binary in place and so change your argument."""
    crops = reference.crop_letters(binary, boxes)
    np.logical_not(binary, out=binary)
    return crops


@mutant("crop_letters", killed_by="test_four_whole_pages_are_read")
def room_for_eight_letters(binary, boxes):
    """You cut out the first eight letters only and leave the other crops white."""
    crops = np.ones((len(boxes), SIDE, SIDE))
    crops[:8] = reference.crop_letters(binary, boxes[:8])
    return crops


# ------------------------------------------------------------------------------------------------------------- reading


@mutant("read_text", killed_by="test_a_drawn_page_is_read")
def in_one_line(image, classify):
    """You join the lines without newlines."""
    return reference.read_text(image, classify).replace("\n", "")


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter", kind="labels or order mixed up")
def letters_in_the_order_they_were_found(image, classify):
    """You give classify the letters in the order in which they were found, not in reading order."""
    boxes, binary = reference.find_letters(image)
    lines = reference.group_lines(boxes)
    text = classify(reference.crop_letters(binary, boxes)) if len(boxes) else ""
    ends = np.cumsum([0, *map(len, lines)])
    return "\n".join(text[ends[i] : ends[i + 1]] for i in range(len(lines)))


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter")
def a_newline_at_the_end(image, classify):
    """You put a newline at the end of the text."""
    text = reference.read_text(image, classify)
    return text + "\n" if text else text


@mutant("read_text", killed_by="test_the_classifier_has_the_word")
def spaces_between_letters(image, classify):
    """You put spaces between the letters."""
    return "\n".join(" ".join(line) for line in reference.read_text(image, classify).split("\n"))


@mutant("read_text", killed_by="test_the_classifier_has_the_word")
def rows_instead_of_pictures(image, classify):
    """You flatten the crops to rows before you give them to classify."""
    return reference.read_text(image, lambda crops: classify(crops.reshape(len(crops), -1)))


@mutant("read_text", killed_by="test_a_page_of_one_letter_is_read", kind="a squeeze")
def one_letter_without_its_axis(image, classify):
    """You give classify an array of the shape (32, 32) where there is a single letter."""
    return reference.read_text(image, lambda crops: classify(crops[0] if len(crops) == 1 else crops))


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter", kind="height for width, rows for columns")
def transposed_for_the_classifier(image, classify):
    """You transpose the crops before you give them to classify."""
    return reference.read_text(image, lambda crops: classify(crops.transpose(0, 2, 1)))


@mutant("read_text", killed_by="test_a_page_is_read_letter_by_letter", kind="batches that share a buffer")
def the_first_crop_for_every_letter(image, classify):
    """You classify the first crop of a line and repeat its name for the other letters."""
    return reference.read_text(image, lambda crops: classify(crops[:1]) * len(crops))


@mutant("read_text", killed_by="test_the_classifier_has_the_word", kind="a parameter read but replaced by a constant")
def every_letter_is_an_e(image, classify):
    """You return the same character for every letter and do not ask classify."""
    return reference.read_text(image, lambda crops: "E" * len(crops))


@mutant("read_text", killed_by="test_drawn_pages_are_read_well")
def bright_crops_for_the_classifier(image, classify):
    """You give classify bright letters on black paper.

    Handout: Crops
    """
    return reference.read_text(image, lambda crops: classify(1 - crops))


@mutant("read_text", killed_by="test_on_blank_paper_there_is_nothing_to_read")
def nothing_is_classified_too(image, classify):
    """You call classify for a page without letters."""
    boxes, _ = reference.find_letters(image)
    if not len(boxes):
        return classify(np.ones((1, SIDE, SIDE)))
    return reference.read_text(image, classify)


@mutant("read_text", killed_by="test_a_blank_page_says_nothing")
def no_text_is_none(image, classify):
    """You return None for a page without letters."""
    return reference.read_text(image, classify) or None


# ---------------------------------------------------------------------------------------------------------------- rate


@mutant("character_error_rate", killed_by="test_the_error_rate_of_the_handout")
def place_by_place(text, truth):
    """You compare the texts place by place, without insertions and deletions.

    Handout: How wrong is it?
    """
    if not truth:
        raise ValueError("no truth")
    return sum(a != b for a, b in zip(text, truth, strict=False)) / len(truth)


@mutant("character_error_rate", killed_by="test_what_is_read_rightly_has_no_errors")
def share_of_right_characters(text, truth):
    """You return 1 - CER in place of CER."""
    return 1 - reference.character_error_rate(text, truth)


@mutant("character_error_rate", killed_by="test_the_error_rate_of_the_handout", kind="labels or order mixed up")
def over_the_length_of_the_text(text, truth):
    """You divide by the length of text and not by that of truth.

    Handout: How wrong is it?
    """
    return reference.character_error_rate(text, truth) * len(truth) / max(1, len(text))


@mutant(
    "character_error_rate",
    killed_by="test_the_error_rate_counts_the_fewest_edits",
    kind="a factor of the batch, the classes or two",
)
def without_replacements(text, truth):
    """You allow no replacements: a wrong character counts as an insertion and a deletion.

    Handout: How wrong is it?
    """
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
    """You overwrite d[i-1, j-1] with d[i, j-1] before you use it."""
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
    """You divide by a constant and not by the length of truth."""
    return reference.character_error_rate(text, truth) * len(truth) / 6


@mutant("character_error_rate", killed_by="test_nothing_read_is_a_rate_of_one")
def nothing_read_is_nothing_wrong(text, truth):
    """You return 0 for an empty text."""
    return reference.character_error_rate(text, truth) if text or not truth else 0.0


@mutant("character_error_rate", killed_by="test_newlines_count_like_all_characters")
def newlines_do_not_count(text, truth):
    """You leave out newlines when you compare the texts."""
    rate = reference.character_error_rate(text.replace("\n", ""), truth.replace("\n", "") or "X")
    return rate * len(truth.replace("\n", "") or "X") / len(truth) if truth else reference.character_error_rate("", "")


@mutant("character_error_rate", killed_by="test_the_error_rate_may_exceed_one")
def never_above_one(text, truth):
    """You limit the rate to 1."""
    return min(1.0, reference.character_error_rate(text, truth))


@mutant("character_error_rate", killed_by="test_there_is_no_rate_without_a_truth")
def zero_without_a_truth(text, truth):
    """You return a number in place of a ValueError if truth is empty."""
    return reference.character_error_rate(text, truth) if truth else float(len(text) > 0)
