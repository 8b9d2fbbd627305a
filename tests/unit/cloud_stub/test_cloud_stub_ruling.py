"""Staff change the same rules at the box and from afar: whatever comes when, the later word stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_stub.database import Database, Tx
from cloud_stub.facts import apply_push
from cloud_stub.migrate import migrate
from cloud_stub.moments import to_text
from cloud_stub.repositories import players, songs
from cloud_stub.repositories.songs import NewSong
from cloud_stub.repositories.stamps import Stamp
from cloud_stub.ruling import say
from cloud_stub.tokens import new_token
from sync.facts import RuleBody
from sync.wire import Op, PushRequest

BEGAN_S = 1_800_000_000.0
Key = tuple[str, str]


@dataclass(frozen=True)
class Word:
    """What is said of a song, a second after the last word; `place` None lifts it. `late`: how many words of others
    pass before the cloud hears a box's word."""

    by_box: bool
    song: int
    kind: str
    place: int | None
    late: int


WORDS = st.lists(
    st.builds(
        Word, st.booleans(), st.integers(0, 1), st.sampled_from(["pin", "place"]), st.sampled_from([1, 2, None]),
        st.integers(0, 4),
    ),
    max_size=12,
)  # fmt: skip


class Undo(Exception):
    pass


class Cloud:
    """One room; each history is undone."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.database.open()
        migrate(self.database, to_text(BEGAN_S))
        with self.database.writing() as tx:
            self.player_id = players.create(tx, "Lobby", new_token(), BEGAN_S)
            self.song_ids = [songs.add(tx, _song(name), BEGAN_S) for name in ("rain", "sea")]

    def after(self, words: list[Word], arrivals: list[int], *, clock_is_known: bool) -> dict[Key, int]:
        """The rules that stand when the words have come in this order, each as often as it is named."""
        found: dict[Key, int] = {}
        with pytest.raises(Undo), self.database.writing() as tx:
            for index in arrivals:
                self._hear(tx, words, index, clock_is_known)
            rows = tx.all("select song_id, kind, place from queue_rules where player_id = ?", self.player_id)
            found |= {(row["song_id"], row["kind"]): row["place"] for row in rows}
            raise Undo
        return found

    def wanted(self, words: list[Word]) -> dict[Key, int]:
        """What was said last of each."""
        last = {(self.song_ids[word.song], word.kind): word.place for word in words}
        return {key: place for key, place in last.items() if place is not None}

    def _hear(self, tx: Tx, words: list[Word], index: int, clock_is_known: bool) -> None:
        word, now_s = words[index], BEGAN_S + len(words)
        said_s = BEGAN_S + index
        until_s = None if word.place else said_s - 1.0
        body = RuleBody(song_id=UUID(self.song_ids[word.song]), kind=word.kind, place=word.place, until_s=until_s)
        word_id = UUID(int=index)
        if not word.by_box:
            say(tx, self.player_id, body, Stamp(round(said_s * 1000), str(word_id)), now_s, by_box=False)
            return
        op = Op(op_id=word_id, seq=index, type="rule", body=body.model_dump(mode="json"), boot_id="b",
                mono_ms=index * 1000, wall_ms=round(said_s * 1000))  # fmt: skip
        if not clock_is_known:  # an older boot that never spoke, ten years behind
            shift = {"until_s": None if until_s is None else until_s - 3e8}
            moved = {"boot_id": f"boot {index}", "wall_ms": round((said_s - 3e8) * 1000), "body": op.body | shift}
            op = op.model_copy(update=moved)
        request = PushRequest(boot_id="b", mono_ms=len(words) * 1000, wall_ms=round(now_s * 1000), ops=(op,))
        apply_push(tx, self.player_id, request, now_s)


def _song(name: str) -> NewSong:
    return NewSong(title=name, type="soundscape", file_url="", sha256=name.encode().hex().ljust(64, "0"), byte_size=1,
                   duration=1.0, loudness_lufs=-20.0, true_peak_dbtp=-1.0, embedding=None,
                   embedding_source="neutral")  # fmt: skip


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = Cloud(tmp_path_factory.mktemp("cloud") / "cloud.db")
    yield made
    made.database.close()


def arrivals_of(words: list[Word]) -> list[int]:
    """Staff's words at once; the box's in their order, late."""
    order: list[int] = []
    waiting: list[tuple[int, int]] = []
    for index, word in enumerate(words):
        if word.by_box:
            waiting.append((index, index + word.late))
        else:
            order.append(index)
        while waiting and waiting[0][1] <= index:
            order.append(waiting.pop(0)[0])
    return order + [index for index, _ in waiting]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, st.randoms(use_true_random=False))
def test_the_last_word_stands_whatever_came_late_or_twice(cloud: Cloud, words: list[Word], dice: Random) -> None:
    order = arrivals_of(words)
    twice = [index for index in order for _ in range(1 + words[index].by_box)]
    assert cloud.after(words, order, clock_is_known=True) == cloud.wanted(words)
    assert cloud.after(words, twice, clock_is_known=True) == cloud.wanted(words)
    again = order + dice.sample(order, len(order))  # and all of the box's once more, in any order
    boxes = [index for place, index in enumerate(again) if place < len(order) or words[index].by_box]
    assert cloud.after(words, boxes, clock_is_known=True) == cloud.wanted(words)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS)
def test_a_box_whose_clock_is_of_no_use_keeps_the_order_of_its_own_words(cloud: Cloud, words: list[Word]) -> None:
    words = [Word(True, word.song, word.kind, word.place, 0) for word in words]
    order = list(range(len(words)))
    assert cloud.after(words, order, clock_is_known=False) == cloud.wanted(words)


@given(st.lists(st.builds(Stamp, st.integers(0, 3), st.sampled_from("abc")), min_size=1), st.randoms())
def test_which_of_two_stands_is_a_matter_of_the_two_alone(stamps: list[Stamp], dice: Random) -> None:
    shuffled = dice.sample(stamps, len(stamps))
    assert max(shuffled) == max(stamps) == max([*stamps, *stamps])
