"""The line over a staff page: what was just done, with the way back, or what is heard alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.ui import word_texts
from appliance.ui.desk import Desk
from appliance.ui.durations import waiting_time
from appliance.ui.facts import Facts
from appliance.ui.texts import Texts, drawable


@dataclass(frozen=True, slots=True)
class LineView:
    """`key` is what its one key does, None when there is none. `count` is a time that runs."""

    text: str
    key: Literal["undo", "solo"] | None = None
    key_label: str = ""
    count: str = ""
    warns: bool = False


def line_view(facts: Facts, desk: Desk, now_s: float, texts: Texts) -> LineView | None:
    """What was done last comes first: it is told for seconds only. None when there is nothing to say."""
    told = desk.now()
    if told is not None:
        outcome, said = told
        if said is None:
            return LineView(texts.not_stored, warns=True)
        title = drawable(said.title) or texts.untitled
        if outcome == "undone":
            return LineView(texts.undone.format(title=title))
        return LineView(word_texts.answer(said.kind, title, texts), "undo", texts.undo)
    solo = facts.alone(now_s)
    if solo is None:
        return None
    title = drawable(facts.sounding(now_s)[solo.song_id].title) or texts.untitled
    return LineView(
        texts.solo_on.format(title=title), "solo", texts.solo_end, waiting_time(solo.until_ms / 1000 - now_s)
    )
