from __future__ import annotations

from sync.pace import Glance


def test_news_is_looked_at_at_once_but_not_time_and_again_in_vain() -> None:
    glance = Glance(every_s=1.0)
    assert glance.is_due(10.0)
    assert glance.is_due(10.0), "what was found may not have been all"
    glance.in_vain(10.0)
    glance.hear(True)
    assert not glance.is_due(10.9)
    assert glance.is_due(11.0)


def test_without_news_there_is_nothing_to_look_at() -> None:
    glance = Glance()
    glance.in_vain(10.0)
    glance.hear(False)
    assert not glance.is_due(99.0)
    assert glance.is_due(99.0, anyway=True)
