"""Nothing secret leaves in a line: what looks like one of our secrets, or is one that we were told, is cut out.

Nobody writes a secret into a line on purpose. This is for what others write: a driver's error that repeats a value,
an address with a password in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cloud_stub.engines.address import Address
from cloud_stub.environment import VARIABLES
from cloud_stub.settings import CloudSettings

CUT = "[…]"
MIN_LENGTH = 6  # what is shorter stands in too many words to be cut out of them
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(csp_[0-9a-z]{8}_)[0-9A-Za-z_-]+"), rf"\1{CUT}"),
    (re.compile(r"eyJ[0-9A-Za-z_-]{4,}(?:\.[0-9A-Za-z_-]*){1,2}"), CUT),
    (re.compile(r"(sb_(?:secret|publishable)_)[0-9A-Za-z_-]+"), rf"\1{CUT}"),
    (re.compile(r"(://[^/\s:@]*:)[^@\s/]+(?=@)"), rf"\1{CUT}"),
    (re.compile(r"([?&]s=)[^&\s\"']+"), rf"\1{CUT}"),  # what a room's sign carries
    (re.compile(r"((?:signature|x-amz-[a-z-]+|token|player)=)[^&\s\"']+", re.IGNORECASE), rf"\1{CUT}"),
    (re.compile(r"(password['\"]?\s*[=:]\s*['\"]?)[^\s'\",}]+", re.IGNORECASE), rf"\1{CUT}"),
)  # fmt: skip


class Secrecy:
    """Cuts secrets out of text. `known`: values that are secret whatever they look like."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        whole = sorted({value for value in known if len(value) >= MIN_LENGTH}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, whole))) if whole else None

    def __repr__(self) -> str:
        return "Secrecy()"

    def hide(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(CUT, text)
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text


def secrets_of(settings: CloudSettings, env: Mapping[str, str]) -> list[str]:
    """What this server was told and must not tell."""
    told = [env[variable.name] for variable in VARIABLES if variable.secret and env.get(variable.name)]
    told.append(settings.secret_key)
    if isinstance(settings.database, Address):
        told.append(settings.database.password)
    if settings.project is not None and settings.project.jwt_secret:
        told.append(settings.project.jwt_secret)
    return told
