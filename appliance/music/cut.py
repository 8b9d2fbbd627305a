"""Was the end of a file lost on its way? Where the decoder cannot tell, the container can."""

from __future__ import annotations

from pathlib import Path

_STREAMED = 0x7FFF_F000  # sizes from here on, and 0, are what is written where nobody knew the end
_OGG_TAIL = 1 << 17  # more than two of the largest pages
_LAST_PAGE = 4


def is_cut(path: Path) -> bool:
    """True when the container says that more should follow. Of FLAC and MP3 the decoder itself finds out."""
    with path.open("rb") as file:
        mark = file.read(4)
    if mark == b"RIFF":
        return _wav_is_cut(path)
    return mark == b"OggS" and _ogg_is_cut(path)


def _wav_is_cut(path: Path) -> bool:
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 12
        while at + 8 <= size:
            file.seek(at)
            head = file.read(8)
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                return 0 < length < _STREAMED and at + 8 + length > size
            at += 8 + length + length % 2
    return True


def _ogg_is_cut(path: Path) -> bool:
    """Whether the last page is not marked as the last."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _OGG_TAIL))
        tail = file.read()
    at = tail.rfind(b"OggS\0")
    return at < 0 or len(tail) < at + 6 or not tail[at + 5] & _LAST_PAGE
