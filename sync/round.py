"""One round by hand: push, pull, queue, each told in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.config import Config
from appliance.errors import CosoundError
from appliance.store import Store
from sync.door import Door, cloud_name, door_words, open_door
from sync.errors import LinkDown, NotAuthorised
from sync.pull import pull_once
from sync.push import push_once
from sync.queue import queue_once


def one_round(store: Store, config: Config) -> Iterator[tuple[str, CosoundError | None]]:
    """(line, None) for what worked, (what, error) for what did not. Harmless beside the running process.

    Where nobody answers, or we are not let in, that is said once and nothing more is tried.
    """
    yield f"cloud: {door_words(config)}", None
    cloud = open_door(config)
    store.outbox.belong_to(cloud_name(config))
    try:
        for name, tell in (("push", _push), ("pull", _pull), ("queue", _queue)):
            line, error = _attempt(name, tell, store, cloud)
            yield line, error
            if isinstance(error, NotAuthorised) or (isinstance(error, LinkDown) and not error.answered):
                return
    finally:
        cloud.close()
    yield _files(store), None


def _attempt(
    name: str, tell: Callable[[Store, Door], str], store: Store, cloud: Door
) -> tuple[str, CosoundError | None]:
    try:
        return f"{name}: {tell(store, cloud)}", None
    except CosoundError as error:
        return name, error


def _push(store: Store, cloud: Door) -> str:
    report = push_once(store, cloud, store.clock)
    how = ", ".join(f"{count} {word}" for word, count in sorted(report.verdicts.items()))
    return f"{report.answered} sent" + (f" ({how})" if how else "") + f", {store.outbox.pending()} pending"


def _pull(store: Store, cloud: Door) -> str:
    report = pull_once(store, cloud)
    extras = [f"{sum(report.bad.values())} unreadable"] if report.bad else []
    extras += ["the whole bucket"] if report.resets else []
    extras += [f"{report.settled_votes} votes judged"] if report.settled_votes else []
    return ", ".join([f"{report.changes} changes", *extras])


def _queue(store: Store, cloud: Door) -> str:
    changed = queue_once(store, cloud)
    return f"{len(store.room.queue().entries)} songs" + ("" if changed else ", as before")


def _files(store: Store) -> str:
    ready, songs = store.library.ready_count(), store.library.count()
    return f"files: {ready} of {songs} songs ready" + ("" if ready == songs else "; the sync process fetches more")
