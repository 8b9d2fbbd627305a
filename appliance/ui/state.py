"""The screens' state: what was read, what was just voted, and the time, folded into one view a screen."""

from __future__ import annotations

from dataclasses import replace

from appliance.clock import Clock
from appliance.ui.desk import Desk
from appliance.ui.facts import Facts
from appliance.ui.line_view import LineView, line_view
from appliance.ui.mixer_view import MixerView, meters, mixer_view
from appliance.ui.room_view import RoomView, Thanks, room_view
from appliance.ui.sheet_view import SheetView, sheet_view
from appliance.ui.songs_view import SongsView, songs_view
from appliance.ui.texts import Texts


class ScreenState:
    """Shared by every client of this box; touched only from the server's loop."""

    def __init__(self, clock: Clock, texts: Texts) -> None:
        self.clock = clock
        self.texts = texts
        self.facts = Facts()
        self._thanks: Thanks | None = None
        self._voting: str | None = None
        self._refused: tuple[str, str] | None = None

    def room(self) -> RoomView:
        view = room_view(self.facts, self._thanks, self.clock.boot_s(), self.texts)
        if view.mode == "faces" and self._refused is not None and self._refused[0] == view.tap_id:
            return replace(view, question=self._refused[1])
        return view

    def mixer(self) -> MixerView:
        return mixer_view(self.facts, self.clock.boot_s(), self.texts)

    def meters(self) -> tuple[float, ...]:
        return meters(self.facts, self.clock.boot_s())

    def songs(self) -> SongsView:
        return songs_view(self.facts, self.clock.boot_s(), self.texts)

    def sheet(self, desk: Desk) -> SheetView | None:
        """The choices for the song that lies open on this desk; None when none does, or it is gone."""
        return sheet_view(self.facts, desk.song_id, self.clock.boot_s(), self.texts)

    def line(self, desk: Desk) -> LineView | None:
        return line_view(self.facts, desk, self.clock.boot_s(), self.texts)

    def begin_vote(self, tap_id: str) -> bool:
        """One vote a tap, however often and on however many screens a face is pressed. True: go on."""
        if tap_id in (self._voting, self._thanks.tap_id if self._thanks else None):
            return False
        self._voting = tap_id
        return True

    def vote_stored(self, tap_id: str, name: str, vote_value: int) -> None:
        self._thanks = Thanks(tap_id, name, vote_value, self.clock.boot_s())
        self._voting = None

    def vote_refused(self, tap_id: str, why: str) -> None:
        """Nothing was stored: it is said in place of the question, and the faces may be pressed again."""
        self._refused = (tap_id, why)
        self._voting = None
