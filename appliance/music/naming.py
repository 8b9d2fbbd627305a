"""What a file is called: by its tags, else by its name; and how a name is shown on one line."""

from __future__ import annotations

import os
import re
from pathlib import PurePath

LONGEST_TITLE = 200
_UNKNOWN = "\ufffd"  # what a tag in another encoding is read as
_TRACK = re.compile(r"^(?:\d{1,2}-\d{1,3}\s+|\d{1,3}\s*[-._)\]]+\s*|0\d{1,2}\s+)")  # 1-02, 03 -, 7., 05


def shown(path: PurePath | str) -> str:
    """A file's name as one line that can be printed, whatever bytes it is made of."""
    text = os.fsencode(str(path)).decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else _UNKNOWN for sign in text)


def title_of(file_name: str, tag: str = "") -> str:
    """The title in the tags where there is one to read, else the name made readable: 1 … 200 characters.

    "03 - rain_on_roof.wav" → "Rain on roof".
    """
    return clean(tag) or _from_name(file_name)


def clean(text: str) -> str:
    """A tag's text on one line; empty when it is missing or in an encoding nobody can read."""
    if _UNKNOWN in text:
        return ""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(line.split())[:LONGEST_TITLE].strip()


def _from_name(file_name: str) -> str:
    stem = PurePath(shown(file_name)).stem
    words = _TRACK.sub("", stem, count=1).replace("_", " ")
    if " " not in words:
        words = words.replace("-", " ")
    title = " ".join(words.split()) or stem.strip() or "Untitled"
    return (title[0].upper() + title[1:])[:LONGEST_TITLE]
