"""A folder of submissions -> scores, in otter-grader's and Gradescope's formats, and a page.

find        the submissions: zips, folders, a Gradescope export, a Moodle or Canvas bulk download
run         grades them in sandboxes, several at a time; skips what is graded already
store       the output folder; files are written whole or not at all
grades      final_grades.csv, in otter's columns
changes     the differences between two gradings
page        index.html
"""
