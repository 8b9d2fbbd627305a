"""What can go wrong in the cloud, by what the caller does next.

CloudError
├── SetupError        a person must change something before the server can run: what, where and how
├── Refused           this one request is refused; carries the HTTP status and a code for programs
├── StorageError      audio files cannot be kept or found just now: nothing was stored, try again in a moment
└── DatabaseError     the database is gone or too busy: nothing was stored, try again in a moment
    ├── Busy          somebody else is writing: the work has not begun, so it may be begun again
    └── Conflict      this cannot be stored: a key twice, a row that nothing stands behind, a number without end
"""

from __future__ import annotations


class CloudError(Exception):
    """Base of all errors whose message is written for a person."""


class SetupError(CloudError):
    """The server cannot start like this."""


class DatabaseError(CloudError):
    """The database cannot do it now. Nothing was stored."""


class StorageError(CloudError):
    """The place of the audio files cannot do it now. The message says what to do."""


class Busy(DatabaseError):
    """Somebody else holds the database. The work has not begun."""


class Conflict(DatabaseError):
    """A rule of the tables, or what a value may be, forbids it. Nothing was stored."""


class Refused(CloudError):
    """One request is refused. Nothing was stored.

    status: the HTTP status. code: one word for programs. message: one line for a person. retry_after_s: when to
    come back, where that helps.
    """

    def __init__(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.status = status
        self.code = code
        self.message = message


def not_found(what: str, identity: object) -> Refused:
    return Refused(404, f"unknown_{what}", f"there is no {what} {identity}")
