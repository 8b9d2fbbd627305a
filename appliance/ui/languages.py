"""The languages of `box.language` that the screen speaks."""

from __future__ import annotations

from appliance.ui.english import ENGLISH
from appliance.ui.french import FRENCH
from appliance.ui.texts import Texts


def texts_for(language: str) -> Texts:
    """The words of a `box.language`; English for one we do not speak."""
    return {"en": ENGLISH, "fr": FRENCH}.get(language, ENGLISH)
