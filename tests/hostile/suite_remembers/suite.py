import glob

PLACES = ("/tmp", "/dev/shm", "/tmp/submission")


def test_remembers(student):
    seen = [name for place in PLACES for name in glob.glob(f"{place}/seen-*")]
    for place in PLACES:
        try:
            open(f"{place}/seen-{len(seen)}", "w").close()
        except OSError:
            continue
    assert not seen
