"""One loop of the agent: a thread with a store of its own, that outlives every error of its step."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from appliance.errors import CosoundError, TransientError
from appliance.process import UpOrDown
from appliance.store import Store
from sync.errors import BadRequest, LinkDown, NotAuthorised
from sync.link import Link

log = logging.getLogger(__name__)

Step = Callable[[Store], None]


class Worker(threading.Thread):
    """Calls `step` until asked to stop; after a failure it waits as the link says.

    A daemon: a long poll cannot be interrupted, and nothing that a thread does here may be torn by its end
    (what a commit did not see was never acknowledged, a half file is resumed).
    """

    def __init__(
        self,
        name: str,
        open_store: Callable[[str], Store],
        step: Step,
        link: Link,
        *,
        asks_cloud: bool = True,
        tells_of_link: bool = True,
    ) -> None:
        """asks_cloud: whether it waits when the cloud asks for patience, whichever thread was asked.
        tells_of_link: whether its failures say something of the link to the cloud.
        """
        super().__init__(name=f"sync-{name}", daemon=True)
        self._open_store = open_store
        self._step = step
        self._link = link
        self._asks_cloud = asks_cloud
        self._tells_of_link = tells_of_link
        self._said = UpOrDown(f"sync {name}")
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def ask_to_stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        try:
            store = self._open_store(self.name)
        except CosoundError as error:
            log.error("%s cannot begin: %s", self.name, error)
            return  # whoever watches us ends the process, to be started afresh
        failures = 0
        try:
            while not self.stopping:
                failures = 0 if self._try_step(store, failures) else failures + 1
        finally:
            store.close()

    def _try_step(self, store: Store, failures: int) -> bool:
        """One step; on failure, False after a pause."""
        if self._asks_cloud:
            self._link.hold()
        asked_in = self._link.recoveries
        try:
            self._step(store)
        except (LinkDown, NotAuthorised) as error:
            if self.stopping:
                return False
            told = self._tells_of_link and self._link.failed(error, asked_in)
            self._link.pause(failures, getattr(error, "retry_after_s", 0.0))
            if not told and self._link.is_up:  # by now others would have found out that it is the link
                self._said.failed(error)
        except (TransientError, BadRequest) as error:
            self._failed(error, failures)
        except Exception as error:
            if not self._said.down:
                log.exception("%s: a step failed; going on", self.name)
            self._failed(error, failures)
        else:
            self._said.worked()
            return True
        return False

    def _failed(self, error: CosoundError | Exception, failures: int) -> None:
        self._said.failed(error)
        self._link.pause(failures + 1)
