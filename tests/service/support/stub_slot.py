"""A slot that grades nothing, for tests of the pool: what it does for a ticket lies in a file of its folder.

It is started as a slot is, with `--name h:0 --pool FD`. The file h-0 of DEEPGRADE_HOME has
one word for each ticket: "done", "fault", "more", "die", or "hang".
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path

from grader_service.core.process import die_with_parent
from grader_service.workers import slot_messages
from grader_service.workers.slot_messages import Reply


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name")
    parser.add_argument("--pool", type=int)
    parser.add_argument("--parent", type=int)
    arguments, _ = parser.parse_known_args()
    die_with_parent(arguments.parent)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    orders = Path(os.environ["DEEPGRADE_HOME"]) / arguments.name.replace(":", "-")
    end = socket.socket(fileno=arguments.pool)
    end.setblocking(False)
    slot_messages.answer(end, Reply())
    while True:
        word = slot_messages.wait(end)
        if word == slot_messages.FINISH:
            return
        if word is None:
            continue
        what, _, rest = orders.read_text().partition(" ")
        orders.write_text(rest)
        if what == "die":
            os._exit(3)
        while what == "hang":
            time.sleep(0.1)
        slot_messages.answer(end, Reply([7], [8] if what == "fault" else [], what == "more"))


if __name__ == "__main__":
    main()
