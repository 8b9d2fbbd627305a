"""Who has the box's database open, and the doubt that any of them may cast on it.

Everybody shares a lock on a file beside the database for as long as they have it open. Whoever gets that lock
alone may look at the database in peace, and replace it: nobody has a connection to it then.
"""

from __future__ import annotations

import fcntl
import time
from contextlib import suppress
from pathlib import Path

from appliance.errors import SetupError, TransientError
from appliance.space import is_read_only, open_lock

OTHERS_LEAVE_WITHIN_S = 20.0  # a watchdog ends a hanging process in ten
_LOOK_S = 0.02


class Tenancy:
    """One opener's part in it. Raises SetupError when the directory cannot be written."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._doubt = database.with_name(f"{database.name}.doubtful")
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
            self._handle = open_lock(database.with_name(f"{database.name}.lock"))
        except OSError as error:
            raise SetupError(
                f"cannot open the box's database {database}: {error.strerror}; is its directory writable?"
            ) from error

    def try_alone(self) -> bool:
        """Take the lock for us alone, if nobody else has the database open."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def wait_alone(self) -> bool:
        """The same, after the others have left: they do when they hear of the doubt. False when one of them has
        settled it meanwhile. Raises TransientError when somebody stays."""
        fcntl.flock(self._handle, fcntl.LOCK_UN)  # or two who wait would wait for each other
        give_up_s = time.monotonic() + OTHERS_LEAVE_WITHIN_S
        while not self.try_alone():
            if not self.is_doubted():
                return False
            if time.monotonic() > give_up_s:
                raise TransientError(
                    f"{self._database} is damaged and a process that does not react has it open: end that one first"
                )
            time.sleep(_LOOK_S)
        return True

    def share(self) -> None:
        """From now on one of many. Waits for whoever is alone with the database to finish."""
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def doubt(self) -> None:
        """The database looks damaged: everybody is to leave, and the next one in is to look at it."""
        with suppress(OSError):  # a disk that takes no file
            self._doubt.touch()

    def is_doubted(self) -> bool:
        """Not on a card that can only be read: nobody could rescue anything there, nor settle the doubt."""
        return self._doubt.exists() and not is_read_only(self._doubt.parent)

    def settle(self) -> None:
        """The doubt is over: it was sound, or it was replaced."""
        if self.is_doubted():  # the kernel refuses to remove what is not there, too, from a card that can only be read
            self._doubt.unlink(missing_ok=True)

    def leave(self) -> None:
        self._handle.close()
