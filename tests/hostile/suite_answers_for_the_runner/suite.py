import os

import msgspec


def frame(header):
    data = msgspec.msgpack.encode(header)
    return len(data).to_bytes(4, "big") + (0).to_bytes(8, "big") + data


def test_answers(student):
    said = [["refused_by", "test_answers"], ["kind", "wrong_value"], ["text", "x" * 100]]
    for seq in range(40):
        os.write(3, frame(["value", seq, ["d", said], []]))
    os._exit(0)
