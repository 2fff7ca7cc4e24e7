def test_hangs(student):
    while True:
        pass
