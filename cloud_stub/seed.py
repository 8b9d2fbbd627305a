"""A cloud to begin with: the starter library, a room, an admin, and listeners whose tastes differ clearly.

Run again it changes nothing and says the same: ids come from names, tokens and passwords from the server's secret.
"""

from __future__ import annotations

import hmac
import time
from base64 import b32encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from checkin.rules import friendly_name
from checkin.tokens import KEY_VERSION, key_hash
from cloud_stub.addresses import address_of
from cloud_stub.database import Database, Row, Tx
from cloud_stub.ingest import Heard, Meant, ingest
from cloud_stub.migrate import migrate
from cloud_stub.moments import to_text
from cloud_stub.passwords import hash_password
from cloud_stub.repositories import cards, logins, players, profiles, songs
from cloud_stub.settings import CloudSettings
from cloud_stub.storage import Storage, open_storage
from cloud_stub.tokens import derived_token
from ml.tags import TAGS, normalised
from ml.taste import Taste, learn

CARD_TECH = "nfca"
VISITS = 3  # how often each of them rated the whole library
LOVES = ("rain", "sea_waves", "crackling_fire", "wind")
_DOMAIN = "cosound.example"


@dataclass(frozen=True, slots=True)
class SeededListener:
    """A listener with a card and a login; `loves` is the tag their taste leans to."""

    profile_id: str
    name: str
    email: str
    password: str
    uid_hex: str
    loves: str


@dataclass(frozen=True, slots=True)
class _Login:
    email: str
    password: str
    profile_id: str
    name: str


def seed(
    settings: CloudSettings,
    *,
    listeners: int,
    pepper: bytes | None = None,
    starter: Path | None = None,
    room: str = "Lobby",
    with_starter: bool = True,
    with_tastes: bool = True,
) -> dict[str, Any]:
    """Bring the database to the seeded state and say what is in it. Works beside a running server.

    with_starter: whether the starter library is put in; the listeners' tastes are learnt from it in any case.
    with_tastes: whether the listeners were here before, and their tastes are known.
    pepper: the organisation's secret for cards; one is made from the server's secret when none is given.
    """
    database = Database(settings.database)
    database.open()
    try:
        migrate(database, to_text(time.time()))
        if with_starter:
            _seed_songs(database, settings, starter or settings.data_dir / "starter")
        with database.reading() as tx:
            songs_there = songs.listed(tx)
        return _seed_people(database, settings, listeners, pepper, room, songs_there, with_tastes)
    finally:
        database.close()


def _seed_songs(database: Database, settings: CloudSettings, folder: Path) -> None:
    from ml.synth import RECIPES, write_starter_library

    with database.reading() as tx:
        there = {row["title"]: row for row in songs.listed(tx)}
    if not all(recipe.title in there for recipe in _values(RECIPES)):
        storage = open_storage(settings)
        for made in write_starter_library(folder, seed=0):
            recipe = made.recipe
            meant = Meant(recipe.title, recipe.kind, recipe.artist, recipe.embedding)
            _seed_song(database, storage, Path(made.path), meant)


def _values(recipes: Any) -> Sequence[Any]:
    return list(recipes.values()) if isinstance(recipes, dict) else list(recipes)


def _seed_song(database: Database, storage: Storage, path: Path, meant: Meant) -> None:
    song = ingest(path, path.name, meant, storage, _never_asked)
    with database.writing() as tx:
        if songs.find_by_sha256(tx, song.sha256) is None:
            songs.add(tx, song, time.time())


def _never_asked(path: Path, kind: str) -> Heard:
    raise AssertionError(f"{path.name} ({kind}) has its embedding set by hand")


def _seed_people(
    database: Database,
    settings: CloudSettings,
    count: int,
    pepper: bytes | None,
    room: str,
    library: list[Row],
    with_tastes: bool,
) -> dict[str, Any]:
    secret = settings.secret_key
    cards = pepper or _derived(secret, "pepper")
    admin = _Login(f"admin@{_DOMAIN}", _password(secret, "admin"), _named_id(secret, "admin"), "Admin")
    people = _listeners(secret, count)
    _seed_logins(database, [admin, *(_Login(p.email, p.password, p.profile_id, p.name) for p in people)])
    token = derived_token(secret, room)
    player_id = _named_id(secret, f"room|{room}")
    with database.writing() as tx:
        now_s = time.time()
        logins.grant(tx, admin.profile_id, "admin")
        if players.find(tx, player_id) is None:
            players.create(tx, room, token, now_s, manager_id=admin.profile_id, player_id=player_id)
        if players.find_token(tx, token.prefix) is None:
            players.add_token(tx, player_id, token, now_s)
        for person in people:
            _seed_card(tx, person, cards, now_s)
            if with_tastes and profiles.taste(tx, person.profile_id)[1] == 0:
                profiles.begin_taste(tx, person.profile_id, taste_for(person.loves, _starter_rows()), now_s)
        player = players.find(tx, player_id)
        assert player is not None
        address = address_of(player, secret, settings.public_url)
    return {
        "room": {"player_id": player_id, "name": room, "token": token.text, "address": address},
        "admin": {"email": admin.email, "password": admin.password},
        "pepper": None if pepper else cards.hex(),
        "listeners": [asdict(person) for person in people],
        "songs": [{key: row[key] for key in ("id", "title", "type", "embedding", "sha256")} for row in library],
    }


def _listeners(secret: str, count: int) -> list[SeededListener]:
    people: list[SeededListener] = []
    for i in range(count):
        profile_id = _named_id(secret, f"listener|{i}")
        name = friendly_name(profile_id, frozenset(person.name for person in people))
        email = f"{name.lower().replace(' ', '-')}@{_DOMAIN}"
        uid = bytes.fromhex("04") + sha256(f"card{i}".encode()).digest()[:6]
        password = _password(secret, f"listener|{i}")
        people.append(SeededListener(profile_id, name, email, password, uid.hex(), LOVES[i % len(LOVES)]))
    return people


def _seed_logins(database: Database, wanted: Sequence[_Login]) -> None:
    with database.reading() as tx:
        missing = [login for login in wanted if logins.find_by_email(tx, login.email) is None]
    with ThreadPoolExecutor(2) as pool:  # each hash is slow on purpose
        hashes = list(pool.map(hash_password, [login.password for login in missing]))
    with database.writing() as tx:
        now_s = time.time()
        for login, hashed in zip(missing, hashes, strict=True):
            user_id = logins.create(tx, login.email, hashed, now_s)
            profiles.create(
                tx, now_s, profile_id=login.profile_id, auth_user_id=user_id, email=login.email, display_name=login.name
            )


def _seed_card(tx: Tx, person: SeededListener, pepper: bytes, now_s: float) -> None:
    card = key_hash(pepper, CARD_TECH, bytes.fromhex(person.uid_hex))
    cards.add(tx, card, KEY_VERSION, person.profile_id, now_s)


def _starter_rows() -> list[Row]:
    """The starter library as rows of the table would say it."""
    from ml.synth import RECIPES

    return [{"type": recipe.kind, "embedding": recipe.embedding} for recipe in _values(RECIPES)]


def taste_for(loves: str, library: Sequence[Row]) -> Taste:
    """A taste learnt from votes on the library by somebody who loves one tag: 5 for it, 1 for what has none of it."""
    wanted = np.eye(len(TAGS))[TAGS.index(loves)]
    beds = [row["embedding"] for row in library if row["type"] == "soundscape" and row["embedding"]]
    rated = [(embedding, _rating(float(normalised(np.array(embedding)) @ wanted))) for embedding in beds]
    return reduce(lambda taste, vote: learn(taste, *vote), rated * VISITS, Taste.newcomer())


def _rating(likeness: float) -> int:
    """1 … 5 for a cosine of 0 … 1."""
    return 1 + sum(likeness >= step for step in (0.15, 0.35, 0.55, 0.75))


def _named_id(secret: str, name: str) -> str:
    """The same id for the same name on this server, another on any other."""
    return str(UUID(bytes=_derived(secret, f"id|{name}")[:16], version=4))


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), f"seed|{purpose}".encode(), sha256).digest()


def _password(secret: str, who: str) -> str:
    return b32encode(_derived(secret, f"password|{who}")[:15]).decode().lower()
