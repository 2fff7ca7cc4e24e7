"""The grade book: what everybody has, where it comes from, and what staff do about it.

    book ──> exports            what each student has in each assignment, as a page and as CSV
      ├────> statistics         of the tests of an assignment, from the reports that count
    marks, regrades, importing  what changes a grade; each writes its entry in the audit
    written, similarity         what students wrote, looked at inside a sandbox

`policy` alone decides what a receipt is worth, and `results` which result counts; everything here asks them.
"""
