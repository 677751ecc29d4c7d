"""A process of its own that commits until it is killed.

Arguments: URL, name, recipients (comma separated). Prints one line a commit after `commit` came
back: what a sender that got its 2xx knows.
"""

from __future__ import annotations

import random
import sys
from itertools import count

from service.store import open_store
from tests.store_samples import commit, message


def main(url: str, name: str, recipients: str) -> None:
    everybody = recipients.split(",")
    choose = random.Random(name)
    with open_store(url) as store:
        say("ready")
        for i in count():
            chosen = choose.sample(everybody, choose.randint(1, 3))
            raw = message(f"{name}-{i}".encode(), control_id=f"{name}-{i}")
            receipt = store.commit(commit(*chosen, message=raw))
            told = " ".join(f"{ods}:{n}" for ods, n in receipt.numbers.items())
            say(f"{raw.control_id} {told}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
