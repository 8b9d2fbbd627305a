"""A process that records tap after tap and says each one's id once it is acknowledged; for being cut off anywhere.

Run as a program: `python -m tests.faults.tapping DATA RUN [--hasty] [--times N]`. Without `--times` it taps once for
each line that it is given. With `--hasty` it does what the box must not: it does not wait for the disk.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from appliance.errors import CosoundError, TransientError
from appliance.store import Store, open_store
from tests.factories import tap

CARDS = 20  # a room of some people who come and go


def main() -> int:
    asked = _arguments()
    try:
        store = open_store(asked.data, asked.run, "tapping")
    except CosoundError as error:
        print(error, file=sys.stderr)  # noqa: T201 - what a person would see
        return 3
    if asked.hasty:
        _never_wait_for_the_disk(store)
    refused = 0
    for number, _ in enumerate(range(asked.times) if asked.times else sys.stdin):
        try:
            told = tap(store, f"card {number % CARDS}").tap_id
        except TransientError:
            refused += 1
            continue
        print(told, flush=True)  # noqa: T201 - what it is for
    print(f"{refused} refused", file=sys.stderr)  # noqa: T201
    return 0


def _never_wait_for_the_disk(store: Store) -> None:
    plain = store.db.write
    store.db.write = lambda *, durable=True: plain(durable=False)  # type: ignore[method-assign]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--hasty", action="store_true")
    parser.add_argument("--times", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
