import glob
import os
import tempfile


def test_remembers(student):
    places = [tempfile.gettempdir(), "/dev/shm", os.path.expanduser("~"), "."]
    seen = 0
    for place in places:
        seen += len(glob.glob(f"{place}/seen-*"))
        try:
            open(f"{place}/seen-{seen}", "w").close()
        except OSError:
            continue
    assert seen == 0
