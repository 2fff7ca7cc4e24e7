"""The fixture `student`: one face, two ends.

    student.softmax(z)          calls the student's function
    opt = student.Adam(p, ...)  an object of the student's; its methods are calls
    opt.step(grads)             if it updates `p` in place, the test sees that in its own `p`

`Local` is the module itself, loaded from a folder: fast, debuggable, what a student's laptop runs. `Remote` is a
process in a sandbox that answers over a pipe. A test cannot tell them apart.
"""

from autograder.student.exceptions import StudentRaised

__all__ = ["StudentRaised"]
