"""Is a file a bed or a piece? What its names and its tags say; a person can say otherwise.

1. A word of an instrument in the file's name, or in a folder's below the one given, makes it an instrumental.
2. A genre in its tags makes it one too, unless the genre is one of landscapes.
3. Everything else is a soundscape: a bed that loops beside others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from mixer.scene import Kind

KINDS: tuple[Kind, ...] = ("soundscape", "instrumental")

_PIECE = (
    "instrumental instrumentals piano guitar guitare cello violin violon viola flute harp "
    "harpe organ orgue clarinet oboe trumpet saxophone sax marimba vibraphone kalimba orchestra quartet trio sonata "
    "nocturne etude prelude waltz melody melodies"
)
_LANDSCAPES = (
    "ambience ambiance ambient ambiences atmosphere environmental field nature natural noise other rain relaxation "
    "sea sfx soundscape soundscapes sound sounds effects unknown water weather wind none"
)


def kind_of(file_name: str, folders: Sequence[str] = (), genre: str = "") -> Kind:
    """By the rule above. `folders` are those between the folder a person gave and the file."""
    if _words(PurePath(file_name).stem, *folders) & _words(_PIECE):
        return "instrumental"
    genres = _words(genre)
    return "instrumental" if genres and not genres & _words(_LANDSCAPES) else "soundscape"


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall(r"[^\W\d_]+", text.lower())}
