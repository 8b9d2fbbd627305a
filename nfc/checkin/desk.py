"""What staff do at the reader by hand: write stickers and cards, and act for whoever taps next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from appliance import handover
from appliance.errors import InputError, SetupError, TransientError
from appliance.model import Listener
from appliance.store import Store
from checkin import sun
from checkin.choose import driver_of
from checkin.message import records_of, uri_message
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import ReaderGone
from checkin.signer import make_sign
from checkin.sticker import write_message
from checkin.sun import SunKeys

# What is said to the person once there is something to hold a card to. Raises what keeps them from it.
Ask = Callable[[], None]

STICKER_WITHIN_S = 30.0
TAP_WITHIN_S = 30.0
LOOK_EVERY_S = 0.1


def write_sticker(setting: str, url: str, ask: Ask, *, lock: bool = False, within_s: float = STICKER_WITHIN_S) -> str:
    """Write the address on the next sticker that is held to the reader; what kind of sticker it was.

    Raises InputError for a sticker that cannot hold it, SetupError without a reader, TransientError when none came.
    """
    with _writer(setting) as driver:
        ask()
        tag = _wait(driver.tag_there, within_s, "no sticker came")
        write_message(tag, uri_message(url), lock=lock)
        return str(getattr(tag, "product", tag.type))


def write_signer(setting: str, keys: SunKeys, base: str, ask: Ask, *, within_s: float = STICKER_WITHIN_S) -> None:
    """Make the next NTAG 424 DNA that is held to the reader sign, and hear whether it does.

    base: the cloud's address. Raises as `write_sticker` does.
    """
    with _writer(setting) as driver:
        ask()
        make_sign(_wait(driver.tag_there, within_s, "no card came"), keys, base)
        seen = driver.poll(0.0)
        said = records_of(seen.ndef) if seen is not None else ()
        proof = sun.read((keys,), said[0].value) if said else None
        if seen is None or proof is None or proof.uid != seen.uid:
            raise TransientError("programmed, but it was not heard to sign: hold it to the reader once more")


@contextmanager
def _writer(setting: str) -> Iterator[NfcpyDriver]:
    driver = None if setting == "none" else driver_of(setting, signing=True)
    if not isinstance(driver, NfcpyDriver):
        raise SetupError(f"checkin.reader is {setting}, which cannot write: name one that can with --reader")
    try:
        driver.open()
        yield driver
    except ReaderGone as error:
        raise SetupError(f"reader {setting}: {error}") from error
    finally:
        driver.close()


def next_listener(store: Store, ask: Ask, within_s: float = TAP_WITHIN_S) -> Listener:
    """Whoever taps once they were asked to. Raises InputError for a phone, TransientError when nobody does."""
    before = store.people.newest_tap_seq()
    ask()
    deadline_s = time.monotonic() + within_s
    while store.people.newest_tap_seq() == before:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TransientError(f"nobody tapped within {within_s:g} s; try again")
        store.wait(min(left_s, 1.0))
    last = store.people.last_tap()
    if last is None or last[0].listener is None:
        raise InputError("that was a phone, which is a stranger each time: use the card")
    return last[0].listener


def forget(store: Store, listener: Listener) -> str:
    """Forget them; the receipt."""
    return handover.identity(store).forget(listener.id)


def merge(store: Store, stays: Listener, goes: Listener) -> None:
    """The two are one person: what the second has is the first's from now on."""
    handover.identity(store).merge(goes.id, stays.id)


def link(store: Store, listener: Listener, code: str) -> None:
    """Hand their history to the web profile that was shown this code."""
    handover.identity(store).link(listener.id, code)


def _wait(look: Callable[[], Any], within_s: float, otherwise: str) -> Any:
    deadline_s = time.monotonic() + within_s
    while (found := look()) is None:
        if time.monotonic() > deadline_s:
            raise TransientError(f"{otherwise} within {within_s:g} s; try again")
        time.sleep(LOOK_EVERY_S)
    return found
