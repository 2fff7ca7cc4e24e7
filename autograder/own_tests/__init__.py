"""Tests that students hand in, judged by the wrong answers that they refuse and the right ones that they accept.

suite      runs the tests, where they are untrusted: in a sandbox with pytest, hypothesis and the vocabulary
relay      stands between a suite and the function under test, and hands on data alone
answers    the functions under test: mutants and right answers
judging    one run for each of them, in a random order, within a budget
scoring    from these runs to points and words
at_home    `check`: the suite against the student's own functions and the wrong answers of the kit
"""
