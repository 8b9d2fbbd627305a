"""The secrets behind cards change, and the cards stay their people's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.clock import ManualClock
from appliance.config import Config, load_config
from appliance.errors import ConfigError
from appliance.model import TapRead
from appliance.store import Store, open_store
from checkin import rules, tokens
from checkin.desk import forget
from checkin.keyring import KEPT_VERSION, Keyring
from checkin.pepper import pepper_of

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
UID = bytes.fromhex("04a1b2c3d4e5f6")


def config(folder: Path, **env: str) -> Config:
    return load_config({"COSOUND_DATA_DIR": str(folder), "COSOUND_RUNTIME_DIR": str(folder / "run"), **env},
                       folder / "none.toml")  # fmt: skip


def test_without_an_organisations_secret_the_box_has_its_own(tmp_path: Path) -> None:
    assert Keyring.of(config(tmp_path)).peppers == ((tokens.KEY_VERSION, pepper_of(tmp_path)),)


def test_an_organisations_secret_comes_first_and_the_boxes_own_still_knows_its_cards(tmp_path: Path) -> None:
    own = pepper_of(tmp_path)
    keys = Keyring.of(config(tmp_path, COSOUND_PEPPER=f"2:{NEW.hex()},1:{OLD.hex()}"))
    assert keys.peppers == ((2, NEW), (1, OLD), (KEPT_VERSION, own))
    assert [key.version for key in keys.of_number("nfca", UID)] == [2, 1, 0]


def test_nothing_is_made_for_an_organisation(tmp_path: Path) -> None:
    assert Keyring.of(config(tmp_path, COSOUND_PEPPER=NEW.hex())).peppers == ((1, NEW),)
    assert not (tmp_path / "pepper").exists()


def test_wrong_keys_are_named_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"checkin\.sun_keys must be VERSION") as caught:
        Keyring.of(config(tmp_path, COSOUND_SUN_KEYS="1:5ec2e7:5ec2e7"))
    assert "5ec2e7" not in str(caught.value)
    assert "5ec2e7" not in repr(Keyring(((1, b"\x5e\xc2\xe7"),)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "data", tmp_path / "run", "nfc", ManualClock())
    yield store
    store.close()


def tap(store: Store, *peppers: tuple[int, bytes]) -> str:
    """The card of `UID` taps on a box with these; the listener's id."""
    first, *older = Keyring(peppers).of_number("nfca", UID)
    boot_ms = round(store.clock.boot_s() * 1000)
    read = TapRead(str(uuid4()), first.key_hash, first.version, boot_ms, 0, older=tuple(older))
    result = store.people.record_tap(read, rules)
    assert result.listener is not None
    return result.listener.id


def names(store: Store) -> list[tuple[str, int]]:
    return [tuple(row) for row in store.db.rows("select key_hash, key_version from tags")]


def test_a_card_met_after_a_rotation_finds_its_person_and_gets_its_new_name(store: Store) -> None:
    person = tap(store, (1, OLD))
    assert tap(store, (2, NEW), (1, OLD)) == person
    assert names(store) == [(tokens.key_hash(NEW, "nfca", UID), 2)], "the old name is gone"
    assert tap(store, (2, NEW)) == person, "the old secret may be thrown away"
    assert store.db.count("select count(*) from profiles") == 1
    (op,) = [op for op in store.outbox.batch(100) if op.type == "card"]
    assert op.body == {"profile_id": person, "key_hash": tokens.key_hash(OLD, "nfca", UID), "counter": None,
                       "new_hash": tokens.key_hash(NEW, "nfca", UID), "new_version": 2}  # fmt: skip


def test_while_boxes_are_changed_one_by_one_a_card_keeps_its_newest_name(store: Store) -> None:
    person = tap(store, (2, NEW), (1, OLD))
    assert tap(store, (1, OLD), (2, NEW)) == person, "a box that knows the new secret, but does not use it yet"
    assert names(store) == [(tokens.key_hash(NEW, "nfca", UID), 2)]


def test_a_forgotten_card_leaves_no_name_behind_not_even_one_about_to_be_sent(store: Store) -> None:
    person = tap(store, (1, OLD))
    tap(store, (2, NEW), (1, OLD))
    listener = store.people.listener(person)
    assert listener is not None
    forget(store, listener)
    kept = "\n".join(store.db.conn.iterdump())
    assert tokens.key_hash(OLD, "nfca", UID) not in kept
    assert tokens.key_hash(NEW, "nfca", UID) not in kept
