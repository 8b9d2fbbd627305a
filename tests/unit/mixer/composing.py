"""A room for compose: candidates by name, and looks on a clock that moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from mixer.compose import compose
from mixer.roster import Candidate, Limits, Memory
from mixer.scene import Kind, Scene, SongId

LIMITS = Limits(beds=4, instrumentals=1)


def bed(name: str, liking: float = 0.5, **options: object) -> Candidate:
    return song(name, "soundscape", liking, **options)


def tune(name: str, liking: float = 0.5, **options: object) -> Candidate:
    return song(name, "instrumental", liking, **options)


def song(name: str, kind: Kind, liking: float, duration_s: float = 180.0, **options: object) -> Candidate:
    return Candidate(SongId(name), f"/{name}.pcm", kind, liking, duration_s, title=name, **options)  # type: ignore[arg-type]


def beds(count: int, **options: object) -> list[Candidate]:
    return [bed(f"bed{number}", place=number + 1, **options) for number in range(count)]


def change(candidates: Iterable[Candidate], name: str, **options: object) -> list[Candidate]:
    return [replace(one, **options) if one.song_id == name else one for one in candidates]  # type: ignore[arg-type]


@dataclass
class Room:
    """Calls compose as the player does: again and again, on a clock that moves."""

    candidates: list[Candidate]
    limits: Limits = LIMITS
    now_s: float = 1000.0
    memory: Memory = field(default_factory=Memory)
    scene: Scene = field(default_factory=Scene)

    def look(self) -> Scene:
        self.scene, self.memory = compose(self.candidates, self.memory, self.limits, self.now_s)
        return self.scene

    def live(self, seconds: float, every_s: float = 1.0) -> Iterator[Scene]:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += every_s
            yield self.look()

    def pass_time(self, seconds: float, every_s: float = 1.0) -> Scene:
        for _ in self.live(seconds, every_s):
            pass
        return self.scene


def names(scene: Scene, kind: Kind | None = None) -> set[str]:
    return {layer.song_id for layer in scene.layers if kind in (None, layer.kind)}


def energy(scene: Scene) -> float:
    return sum(10 ** (layer.gain_db / 10) for layer in scene.layers)


def gain_of(scene: Scene, name: str) -> float:
    return next(layer.gain_db for layer in scene.layers if layer.song_id == name)


def strips(scene: Scene) -> dict[str, int]:
    return {layer.song_id: layer.strip for layer in scene.layers}


def exchanges(before: Scene, after: Scene) -> int:
    """Beds that came in the place of another."""
    gone = names(before, "soundscape") - names(after, "soundscape")
    return min(len(gone), len(names(after, "soundscape") - names(before, "soundscape")))


def starts_of(room: Room, seconds: float) -> list[tuple[str, float]]:
    """Every beginning of an instrumental."""
    began: list[tuple[str, float]] = []
    before: set[tuple[str, float]] = set()
    for _ in room.live(seconds, every_s=15):
        now = {(seat.song_id, seat.since_s) for seat in room.memory.of("instrumental")}
        began += sorted(now - before)
        before = now
    return began
