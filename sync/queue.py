"""What is best next, from the cloud: asked with the name of what we hold, swapped in whole."""

from __future__ import annotations

from appliance.store import Store
from sync.door import Door, QueueAnswer
from sync.errors import NotTheCloud


def queue_once(store: Store, cloud: Door, wait_s: float = 0.0) -> bool:
    """Ask once, waiting at most `wait_s` for a change; True when the stored queue changed. Raises as `Door` does."""
    etag = held_etag(store)
    return take_queue(store, cloud.queue(etag, wait_s if etag else 0.0))


def held_etag(store: Store) -> str:
    """Names the queue that came from the cloud, "" when the one here did not."""
    held = store.room.queue()
    return held.rev if held.source == "cloud" else ""


def take_queue(store: Store, answer: QueueAnswer | None) -> bool:
    """Store what was answered; None says that ours still holds. True when the stored queue changed.

    Songs whose row has not come yet stay in the list: they play when they are here.
    """
    if answer is None:
        store.room.confirm_queue()
        return False
    if not answer.reply.success:
        raise NotTheCloud(f"the cloud gives no queue: {answer.reply.error or 'it does not say why'}")
    in_order = sorted(answer.reply.songs, key=lambda song: song.position)
    return store.room.replace_queue([str(song.id) for song in in_order], rev=answer.etag)
