"""Six digits from a listener's phone: what was typed, what became of it. Plain: no page is needed to try it."""

from __future__ import annotations

from appliance.ui.texts import Texts

DIGITS = 6
MOST_TRIES = 3


class KeepPad:
    """One listener's tries after one tap. Once six digits stand there they are asked about, and nothing else goes."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._tries = 0
        self.entered = ""
        self._asking = False
        self.done = False
        self.message = ""

    @property
    def shown(self) -> str:
        """The digits in two groups, as the phone shows them."""
        places = self.entered.ljust(DIGITS, "–")
        return f"{places[:3]} {places[3:]}"

    def press(self, digit: str, *, cloud: bool) -> str | None:
        """One more digit; with the sixth the code to ask about, if there is a cloud to ask."""
        if self._asking or self.done:
            return None
        if not cloud or self._tries >= MOST_TRIES:
            self.message = self._texts.keep_enough if cloud else self._texts.keep_needs_cloud
            return None
        self.message = ""
        self.entered += digit
        if len(self.entered) < DIGITS:
            return None
        self._asking, self.message = True, self._texts.keep_asking
        self._tries += 1
        return self.entered

    def clear(self) -> None:
        if not self._asking:
            self.entered = ""

    def answered(self, verdict: str) -> None:
        """What the cloud said: "" for yes, else the reason's code."""
        self.entered, self._asking, self.done = "", False, verdict == ""
        told = {"": self._texts.keep_done, "two_accounts": self._texts.keep_other, "too_often": self._texts.keep_enough}
        self.message = told.get(verdict, self._texts.keep_wrong)

    def failed(self) -> None:
        """It could not even be stored."""
        self.entered, self._asking, self.message = "", False, self._texts.not_stored
