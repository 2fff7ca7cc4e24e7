"""The fixture `student`: one face, two ends.

    student.softmax(z)          calls the student's function
    opt = student.Adam(p, ...)  an object of the student's; its methods are calls
    held = student.keep(p)      `p` lives with the student's code from now on; pass `held` in its place, so that calls
                                see one and the same object, and
    student.fetch(held)         returns it as it is now (for optimizers that update parameters in place)

`Local` is the module itself, loaded from a folder: fast, debuggable, what a student's laptop runs. `Remote` is a
process in a sandbox that answers over a pipe. A test cannot tell them apart.
"""

from autograder.student.raised import StudentRaised

__all__ = ["StudentRaised"]
