from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from appliance.cli import vote
from appliance.clock import SystemClock
from appliance.errors import InputError
from appliance.store import Store
from appliance.vote_command import cast_vote
from tests.factories import Box, count, layers, put_songs, song_row, tap, uid


@pytest.fixture
def store(box: Box, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A box on the real clock, as the command has it: rain and fire sound."""
    monkeypatch.setenv("COSOUND_CONFIG", str(box.folder / "none.toml"))
    monkeypatch.setenv("COSOUND_DATA_DIR", str(box.folder / "data"))
    monkeypatch.setenv("COSOUND_RUNTIME_DIR", str(box.folder / "run"))
    made = box.store(clock=SystemClock())  # type: ignore[arg-type]
    put_songs(made, song_row(1, title="Rain"), song_row(2, title="Fire"), song_row(3, title="Silence"))
    made.scenes.record(layers(uid(1), uid(2)), taps_seen=0, cause={})
    player_says(box)
    return made


def player_says(box: Box, ago_s: float = 0.0) -> None:
    scene = [{"song_id": uid(1), "share": 0.25}, {"song_id": uid(2), "share": 0.75}]
    box.runtime.publish("player", {"boot_s": SystemClock().boot_s() - ago_s, "scene": scene})


def name_of_new_listener(store: Store) -> str:
    listener = tap(store).listener
    assert listener is not None
    return listener.display_name


def test_whoever_tapped_last_rates_the_mix(store: Store) -> None:
    name = name_of_new_listener(store)
    assert cast_vote(4, None, None) == f"{name} gave the mix a 4"
    assert store.outbox.batch(9)[-1].body["song_id"] == uid(2), "stored on the loudest layer"


def test_somebody_here_rates_a_song_by_name(store: Store) -> None:
    name = name_of_new_listener(store)
    assert cast_vote(1, name.upper(), "rain") == f"{name} gave rain a 1"
    assert store.outbox.batch(9)[-1].body["song_id"] == uid(1)


@pytest.mark.parametrize(
    ("value", "name", "song", "why"),
    [
        (5, None, None, "tap first"),
        (5, "Nobody", None, "Nobody is not here; here: "),
        (0, "?", None, "rate from 1"),
        (6, "?", "rain", "rate from 1"),
        (5, "?", "Silence", "did not play here"),
        (5, "?", "Unheard of", "no song"),
    ],
)
def test_what_cannot_be_rated_is_refused_in_one_line(
    store: Store, box: Box, value: int, name: str | None, song: str | None, why: str
) -> None:
    if name is not None:
        name = name.replace("?", name_of_new_listener(store))
    with pytest.raises(InputError, match=re.escape(why)) as refused:
        cast_vote(value, name, song)
    assert "\n" not in str(refused.value)
    assert count(store, "votes") == 0


def test_what_a_dead_player_left_is_not_what_plays(store: Store, box: Box) -> None:
    name_of_new_listener(store)
    player_says(box, ago_s=60)
    with pytest.raises(InputError, match="nothing is playing"):
        cast_vote(5, None, None)


@pytest.mark.parametrize("value", ["NaN", "4.5", "five", "", "1e400"])
def test_what_is_no_number_is_refused_before_the_box_is_asked(store: Store, value: str) -> None:
    done = CliRunner().invoke(vote, [value])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert count(store, "votes") == 0
