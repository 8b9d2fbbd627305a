"""One file after the other through a door, each with its result; what is wrong with one holds up no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from appliance.child import Progress
from appliance.errors import InputError
from appliance.music.door import Door, Kept, Piece, hash_file
from appliance.music.find import Found, NotFound, find
from appliance.music.kind import kind_of
from appliance.music.naming import clean, title_of
from appliance.music.study import Study, clock, study_in_child
from mixer.scene import Kind

Word = Literal["added", "already there", "refused"]
Studying = Callable[[Path, Path | None, Progress], Study]
_HASHING = 0.1  # part of the whole work
WORTH_SAYING_S = 20.0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file. `why` stands with a refusal; `took_s` is what it took."""

    name: str
    word: Word
    title: str = ""
    kind: Kind | None = None
    duration_s: float | None = None
    song_id: str = ""
    why: str = ""
    took_s: float = 0.0

    def line(self) -> str:
        if self.word == "refused":
            return f"refused: {self.name}: {self.why}"
        if self.word == "already there":
            return f"already there: {self.title} ({self.name})"
        took = f", in {clock(self.took_s)}" if self.took_s >= WORTH_SAYING_S else ""
        return f"added: {self.title} ({self.kind}, {clock(self.duration_s or 0)}{took})"


@dataclass(frozen=True, slots=True)
class Adding:
    """A run through one door. `kind` None lets the rule decide. `on_share`: name and share done, 0 … 1."""

    door: Door
    kind: Kind | None = None
    study: Studying = study_in_child
    on_share: Callable[[str, float], None] = lambda name, share: None

    def add(self, paths: Iterable[Path], *, small_first: bool = False) -> Iterator[Result]:
        """Raises what is no file's fault (the disk, the cloud, a login): what was added till then stays."""
        things = list(find(paths))
        if small_first:
            things.sort(key=lambda thing: thing.byte_size if isinstance(thing, Found) else 0)
        for thing in things:
            if isinstance(thing, NotFound):
                yield Result(thing.name, "refused", why=thing.why)
            else:
                yield self._one(thing)

    def _one(self, found: Found) -> Result:
        began_s = monotonic()
        try:
            digest = hash_file(found.path, lambda done: self._hashed(found, done))
            known = self.door.known(digest)
            if known is not None:
                return Result(found.name, "already there", known.title, known.kind, song_id=known.song_id)
            return self._through(found, digest, began_s)
        except InputError as error:
            return Result(found.name, "refused", why=str(error))
        except OSError as error:
            return Result(found.name, "refused", why=f"cannot be read ({error.strerror}); copy it and add the copy")

    def _hashed(self, found: Found, done: int) -> None:
        self.on_share(found.name, _HASHING * done / max(found.byte_size, 1))

    def _through(self, found: Found, digest: str, began_s: float) -> Result:
        target = self.door.cache_file(digest)
        kept: Kept | None = None
        try:
            study = self.study(
                found.path, target, lambda share: self.on_share(found.name, _HASHING + share * (1 - _HASHING))
            )
            piece = self._piece(found, digest, study)
            kept = self.door.keep(piece)
        finally:
            if kept is None and target is not None:
                target.unlink(missing_ok=True)
        return Result(
            found.name,
            "added" if kept.new else "already there",
            kept.title,
            piece.kind,
            study.duration_s,
            kept.song_id,
            took_s=monotonic() - began_s,
        )

    def _piece(self, found: Found, digest: str, study: Study) -> Piece:
        return Piece(
            path=found.path,
            sha256=digest,
            byte_size=found.byte_size,
            title=title_of(found.path.name, study.title),
            artist=clean(study.artist),
            kind=self.kind or kind_of(found.path.name, found.folders, study.genre),
            study=study,
        )


def summary(results: Iterable[Result]) -> str:
    """ "12 added, 1 already there, 2 refused"."""
    counts = Counter(result.word for result in results)
    return ", ".join(f"{counts[word]} {word}" for word in ("added", "already there", "refused"))
