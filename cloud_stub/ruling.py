"""What staff want of one song in one room, said at its touchscreen or from afar: the later word stands."""

from __future__ import annotations

from cloud_stub.database import Tx
from cloud_stub.repositories import queue, stamps
from cloud_stub.repositories.bucket import rule_pk
from cloud_stub.repositories.stamps import Stamp
from sync.facts import RuleBody


def say(tx: Tx, player_id: str, rule: RuleBody, stamp: Stamp, now_s: float, *, by_box: bool) -> bool:
    """Set the rule, or lift it where `until_s` (our clock) is past; False when a later word stands already."""
    song_id = str(rule.song_id)
    if not stamps.take(tx, player_id, "queue_rules", rule_pk(song_id, rule.kind), stamp, by_box=by_box):
        return False
    queue.set_rule(tx, player_id, song_id, rule.kind, rule.place, rule.until_s, now_s)
    return True
