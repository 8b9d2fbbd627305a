"""A song of which nothing is heard leaves the room to another, whatever its file says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance.unheard import ASIDE_AFTER_S
from mixer.offline_engine import OfflineEngine
from mixer.scene import SAMPLE_RATE
from tests.factories import FIRE, RAIN, Box, put_songs, song_row, uid
from tests.tones import level_db, sine_song

if TYPE_CHECKING:
    from conftest import MakeRoom


def test_a_room_is_not_silent_for_longer_than_it_takes_to_notice(make_room: MakeRoom, box: Box, tmp_path: Path) -> None:
    engine = OfflineEngine()
    room = make_room(engine, COSOUND_BEDS="1", COSOUND_FADE_S="0.5")
    put_songs(room.sync, song_row(1, embedding=RAIN), song_row(2, embedding=FIRE), ready=False)
    room.sync.library.set_ready(uid(1), sine_song(tmp_path, 1, 440, amplitude=0.0))

    def hear(seconds: int) -> dict[str, float]:
        for _ in range(seconds):
            box.clock.advance(1)
            room.player.step()
            sound = engine.render(SAMPLE_RATE)
        return {"rain": level_db(sound, 440), "fire": level_db(sound, 1500)}

    assert max(hear(2).values()) < 0, "all there is holds nothing to hear"
    room.sync.library.set_ready(uid(2), sine_song(tmp_path, 2, 1500))
    heard = hear(round(ASIDE_AFTER_S) + 1)
    assert heard["fire"] > heard["rain"] + 40
    assert hear(60)["fire"] > heard["rain"] + 40, "and it stays"
