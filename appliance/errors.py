"""What can go wrong, by what the caller does next.

    CosoundError
    ├── SetupError        a person must change something: the message says what, where and how
    │   └── ConfigError   … in the configuration
    ├── TransientError    trying again later can help: a link, a lock, a reader that went away
    │   ├── StoreBusy     … another process holds the database
    │   └── StoreDamaged  … the database must be rescued: end this process, the next one does it as it opens
    └── InputError        this one input is refused; everything else goes on
        └── UnknownThing  … it names something that is not here

Anything else that escapes is a bug, and only the process loop catches it.
"""

from __future__ import annotations


class CosoundError(Exception):
    """Base of all errors whose message is written for a person."""


class SetupError(CosoundError):
    """A person must change something before this can work."""


class ConfigError(SetupError):
    """The configuration holds a key or value that cannot be used."""


class TransientError(CosoundError):
    """The same call can succeed later, unchanged."""


class StoreBusy(TransientError):
    """Another process held the database for longer than the busy timeout."""


class StoreDamaged(TransientError):
    """The database is damaged, or is no longer the file that was opened: only a process started afresh can go on."""


class InputError(CosoundError):
    """One input is refused. Nothing was stored."""


class UnknownThing(InputError):
    """The input names a song, a listener or a room that is not here."""
