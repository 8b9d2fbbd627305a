"""What can go wrong between box and cloud, by what the box does next.

TransientError
├── LinkDown          no answer, or one that says 'later': wait, and try the same again
│   └── NotTheCloud   somebody else answered (a captive portal, a proxy): the same, but staff should look
├── MediaError        this one file cannot be had now: go on with the others
└── NoSpace           the disk is nearly full: fetch and prepare nothing more
CosoundError
└── NotAuthorised     the token is not accepted: keep everything, keep asking, say so
InputError
└── BadRequest        the cloud refuses what was sent: send it in smaller parts
"""

from __future__ import annotations

from appliance.errors import CosoundError, InputError, TransientError


class LinkDown(TransientError):
    """The cloud did not answer, or asked for patience.

    retry_after_s: what it asked for, 0 if nothing. answered: it was there, only this request failed.
    """

    def __init__(self, message: str, *, retry_after_s: float = 0.0, answered: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.answered = answered


class NotTheCloud(LinkDown):
    """An answer came, but not from the cloud."""


class MediaError(TransientError):
    """One file could not be fetched, or was not what it should be. retry_after_s: what its store asked for."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NoSpace(TransientError):
    """Less room on the disk than must stay free."""


class NotAuthorised(CosoundError):
    """The cloud does not accept this player's token. Nothing is lost; a person must set a right one."""


class BadRequest(InputError):
    """The cloud refuses the whole request as malformed or too large."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
