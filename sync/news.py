"""Bucket and queue by one request, for a door that holds nothing back and is asked every few seconds."""

from __future__ import annotations

from appliance.store import Store
from sync import rpc
from sync.digest import digest_text
from sync.pull import pull_once
from sync.queue import held_etag, take_queue
from sync.supabase import Supabase, queue_in


def news_once(store: Store, door: Supabase) -> bool:
    """Ask once, and read to the end of what is new; True when there was anything. Raises as `Door` does."""
    cursor = store.bucket.cursor()
    query = rpc.PullQuery(
        epoch=cursor.epoch, since=cursor.rev, heard=store.outbox.heard(), digest=digest_text(cursor.digest)
    )
    news = door.news(query, held_etag(store))
    queue_changed = take_queue(store, queue_in(news))
    if news.pull is None:
        return queue_changed
    pull_once(store, door, first=news.pull)
    return True
