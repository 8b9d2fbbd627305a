"""From a file to a playable one, decoded by a child process: `python -m appliance.decoding SOURCE TARGET`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.child import LONGEST_REASON, Stopping, ask_child, begin_child, progress_teller, tell


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a decoding ended: `done`, `refused` (the file's fault), `failed` (not known whose), `stopped` (ours)."""

    word: Literal["done", "refused", "failed", "stopped"]
    why: str = ""


def decode_in_child(source: Path, target: Path, stopping: Stopping = lambda: False) -> Outcome:
    """Run one decoding to its end, or until `stopping` says so."""
    ended = ask_child("appliance.decoding", str(source.absolute()), str(target.absolute()), stopping=stopping)
    if ended.word != "said":
        return Outcome(ended.word, ended.why)
    return Outcome(ended.said["outcome"], str(ended.said.get("why", ""))[:LONGEST_REASON])


def main(source: str, target: str) -> int:
    """The child: decode, and say how it went."""
    if not begin_child():
        return 1
    from mixer.decode import decode_to_pcm
    from mixer.pcm import PcmError

    try:
        decode_to_pcm(Path(source), Path(target), progress=progress_teller())
    except PcmError as error:
        ours = isinstance(error.__cause__, OSError)  # the disk, not the file
        tell({"outcome": "failed" if ours else "refused", "why": str(error).replace(f"{source}: ", "")})
    else:
        tell({"outcome": "done"})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
