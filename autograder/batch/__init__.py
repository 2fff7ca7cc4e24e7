"""A folder of submissions -> scores, in otter-grader's and Gradescope's formats, and a page.

find        who handed in what: zips, folders, a Gradescope export, a Moodle or Canvas bulk download
run         all of them in sandboxes, several at a time; what is graded already is not graded again
store       what lies in the output folder, written whole or not at all
grades      final_grades.csv, in otter's columns
changes     what another grading changed
page        index.html
"""
