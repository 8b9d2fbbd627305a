from __future__ import annotations

import random
from collections import Counter
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from checkin.presence import ABSENT_AFTER_S, COOLDOWN_S, Cooldown, Presence
from checkin.reader import TagRead

A = TagRead(b"\x04aaaaaa", "nfca")
B = TagRead(b"\x04bbbbbb", "nfca")
PHONE = TagRead(b"\x08abc", "nfca", random_uid=True)
POLL_S = 0.1


def taps(sights: list[TagRead | None], *, every_s: float = POLL_S) -> list[tuple[int, TagRead]]:
    """Poll number and tag of each tap."""
    presence = Presence()
    found = ((poll, presence.read(tag, poll * every_s)) for poll, tag in enumerate(sights))
    return [(poll, tag) for poll, tag in found if tag is not None]


def test_a_card_lying_still_is_one_tap() -> None:
    assert taps([A] * 600) == [(0, A)]


def test_gone_and_back_after_the_cooldown_is_a_second_tap() -> None:
    assert taps([A] + [None] * 35 + [A]) == [(0, A), (36, A)]


def test_back_within_the_cooldown_is_not() -> None:
    assert taps([A] + [None] * 15 + [A]) == [(0, A)]


def test_swallowed_by_the_cooldown_it_lies_there_and_does_not_tap_later() -> None:
    assert taps([A] + [None] * 15 + [A] * 60) == [(0, A)]


def test_a_flicker_is_one_tap() -> None:
    assert taps(([A] + [None] * 5) * 40) == [(0, A)]


def test_a_stalled_loop_is_no_absence() -> None:
    presence = Presence()
    assert presence.read(A, 0.0) is A
    assert presence.read(None, 10.0) is None
    assert presence.read(None, 20.0) is None, "two misses, however far apart, are two looks"
    assert presence.read(A, 20.1) is None


def test_a_stall_without_any_miss_is_no_absence() -> None:
    presence = Presence()
    assert presence.read(A, 0.0) is A
    assert presence.read(A, 60.0) is None


def test_two_tags_are_two_people() -> None:
    assert taps([A, B]) == [(0, A), (1, B)]


def test_two_tags_lying_together_tap_once_each() -> None:
    assert taps([A, B] * 200) == [(0, A), (1, B)]


def test_one_left_lying_does_not_keep_the_other_from_coming_and_going() -> None:
    assert taps([B] * 10 + [A] + [B] * 40 + [A]) == [(0, B), (10, A), (51, A)]


def test_a_phone_is_one_whatever_number_it_shows() -> None:
    shown: list[TagRead | None] = [TagRead(bytes([8, n, n, n]), "nfca", random_uid=True) for n in range(60)]
    assert len(taps(shown)) == 1


def test_same_number_from_another_chip_is_another_card() -> None:
    assert len(taps([A, TagRead(A.uid, "hid")])) == 2


def test_one_card_between_two_readers_is_one_tap() -> None:
    cooldown = Cooldown()
    left, right = Presence(cooldown=cooldown), Presence(cooldown=cooldown)
    assert left.read(A, 0.0) is A
    assert right.read(A, 0.5) is None
    assert right.read(A, 9.0) is None, "it lay there all the time"
    assert left.read(B, 9.0) is B, "somebody else is nobody's neighbour"


def test_two_people_at_two_readers_at_the_same_moment_are_two() -> None:
    cooldown = Cooldown()
    left, right = Presence(cooldown=cooldown), Presence(cooldown=cooldown)
    assert (left.read(A, 0.0), right.read(B, 0.0)) == (A, B)


def test_a_slow_reader_needs_as_many_misses_as_a_fast_one() -> None:
    assert taps([A, None, None, None, A, None, None, None, A], every_s=1.2) == [(0, A)]
    assert taps([A, None, None, None, None, A], every_s=1.2) == [(0, A), (5, A)]


def test_a_flapping_field_is_one_tap_however_long_it_flaps() -> None:
    dice = random.Random(8)
    shown = [A if dice.random() < 0.5 else None for _ in range(10_000)]
    runs = [len(list(run)) for tag, run in groupby(shown) if tag is None]
    placings = 1 + sum((run - 1) * 0.04 >= ABSENT_AFTER_S for run in runs)
    assert len(taps(shown, every_s=0.04)) == placings == 1


sights = st.lists(st.sampled_from([A, B, PHONE, None]), max_size=200)


@given(sights=sights, every_s=st.sampled_from([0.02, 0.08, 0.25, 1.0]))
def test_never_two_taps_of_a_tag_within_the_cooldown(sights: list[TagRead | None], every_s: float) -> None:
    last_s: dict[bytes, float] = {}
    for poll, tag in taps(sights, every_s=every_s):
        now_s = poll * every_s
        assert now_s - last_s.get(tag.uid, float("-inf")) >= COOLDOWN_S
        last_s[tag.uid] = now_s


@given(sights=sights)
def test_a_second_tap_needs_enough_misses_between(sights: list[TagRead | None]) -> None:
    last_tap: dict[bytes, int] = {}
    for poll, tag in taps(sights):
        if tag.uid in last_tap:
            between = sights[last_tap[tag.uid] : poll]
            missed = "".join("." if sight == tag else "x" for sight in between)
            longest = max(len(run) for run in missed.split("."))
            assert (longest - 1) * POLL_S >= ABSENT_AFTER_S - 1e-6
        last_tap[tag.uid] = poll


@given(sights=sights)
def test_every_tag_seen_taps_at_its_first_sight(sights: list[TagRead | None]) -> None:
    first = {tag.uid: poll for poll, tag in reversed(list(enumerate(sights))) if tag is not None}
    tapped = taps(sights)
    assert {tag.uid: poll for poll, tag in reversed(tapped)} == first
    assert all(count >= 1 for count in Counter(tag.uid for _, tag in tapped).values())
