"""The box's configuration: one table of keys, read once, then passed.

A value comes from the environment, else from the TOML file (`COSOUND_CONFIG`, default /etc/cosound/cosound.toml),
else from the default here. The reference page in docs/ is compared with this table by a test.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import ConfigError
from mixer.space import Room

DEFAULT_FILE = Path("/etc/cosound/cosound.toml")
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its name in the file, its variable, its default (whose type it has), and what it is for.

    credential: the name under which systemd may hand it over ($CREDENTIALS_DIRECTORY); such a key is a secret.
    """

    name: str
    env: str
    default: Value
    doc: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    credential: str | None = None

    @property
    def field(self) -> str:
        return self.name.replace(".", "_")


KEYS: tuple[Key, ...] = (
    Key("box.data_dir", "COSOUND_DATA_DIR", "/var/lib/cosound", "database, media and cache files"),
    Key("box.runtime_dir", "COSOUND_RUNTIME_DIR", "/run/cosound", "bells, meters and status; in memory"),
    Key("box.language", "COSOUND_LANGUAGE", "en", "language of the screen and the reasons", choices=("en", "fr")),
    Key("cloud.url", "DJANGO_API_URL", "", "address of the cloud, empty = none: the box plays by itself"),
    Key("cloud.supabase_url", "SUPABASE_URL", "", "address of a Supabase project, the cloud where cloud.url is empty"),
    Key("cloud.supabase_key", "SUPABASE_ANON_KEY", "", "that project's public key: the publishable or the anon one"),
    Key("cloud.token", "PLAYER_TOKEN", "", "this player's token", credential="player-token"),
    Key(
        "sync.rate_kib_s",
        "COSOUND_SYNC_RATE",
        0,
        "KiB a second for downloads, all together; 0 = no limit",
        minimum=0,
        maximum=65_536,
    ),
    Key("sync.rate_hours", "COSOUND_SYNC_HOURS", "", "hours in which that holds, HH:MM-HH:MM, empty = always"),
    Key("sound.device", "COSOUND_SOUND_DEVICE", "", "output device by name, empty = the default one"),
    Key("sound.channels", "COSOUND_SOUND_CHANNELS", 2, "outputs: 1, 2, 4, 6 or 8", minimum=1, maximum=8),
    Key("sound.block", "COSOUND_SOUND_BLOCK", 1024, "frames a device block", minimum=512, maximum=4096),
    Key(
        "sound.target_lufs", "COSOUND_TARGET_LUFS", -20.0, "loudness every song is brought to", minimum=-40, maximum=-10
    ),
    Key("sound.beds", "COSOUND_BEDS", 6, "soundscapes sounding at once, at most", minimum=1, maximum=12),
    Key(
        "sound.instrumentals",
        "COSOUND_INSTRUMENTALS",
        1,
        "instrumentals sounding at once, at most",
        minimum=0,
        maximum=4,
    ),
    Key("sound.fade_s", "COSOUND_FADE_S", 6.0, "seconds of an ordinary fade", minimum=0.05, maximum=600),
    Key(
        "sound.changes_per_minute",
        "COSOUND_CHANGES_PER_MINUTE",
        4,
        "layers exchanged a minute, at most",
        minimum=1,
        maximum=30,
    ),
    Key(
        "sound.engine",
        "COSOUND_SOUND_ENGINE",
        "bus",
        "who mixes: bus, or SDL's own channels (no limiter, coarse fades)",
        choices=("bus", "channels"),
    ),
    Key(
        "sound.angles",
        "COSOUND_SOUND_ANGLES",
        "",
        "degrees of each output, comma separated, 0 = front, right positive; empty = a regular ring",
    ),
    Key(
        "sound.upmix",
        "COSOUND_SOUND_UPMIX",
        "ring",
        "4 outputs and more: layers placed on the ring, or stereo spread into a rig nobody measured",
        choices=("ring", "spread"),
    ),
    Key("sound.reverb", "COSOUND_SOUND_REVERB", 0.0, "the shared reverb's level, 0 = off", minimum=0, maximum=1),
    Key("sound.reverb_size", "COSOUND_SOUND_REVERB_SIZE", 0.5, "its size, porch to hall", minimum=0, maximum=1),
    Key(
        "sound.rotation",
        "COSOUND_SOUND_ROTATION",
        0.0,
        "degrees a second by which the ring of layers turns, 0 = not at all",
        minimum=-30,
        maximum=30,
    ),
    Key("taste.rule", "COSOUND_TASTE_RULE", "bayes", "how votes become taste", choices=("bayes", "v1")),
    Key(
        "taste.policy",
        "COSOUND_TASTE_POLICY",
        "mean",
        "how many tastes become one",
        choices=("mean", "least_misery", "turns"),
    ),
    Key(
        "taste.min_group",
        "COSOUND_MIN_GROUP",
        2,
        "nobody pulls the room by more than one part in so many; what people leave is the house's",
        minimum=1,
        maximum=50,
    ),
    Key(
        "taste.change_per_minute",
        "COSOUND_TASTE_CHANGE",
        2.0,
        "how far the room's wish may turn in a minute, 1 = from dislike to love; 0 = no bound",
        minimum=0,
        maximum=60,
    ),
    Key(
        "checkin.reader",
        "COSOUND_READER",
        "auto",
        "where cards are read: auto, none, usb, usb:SOCKET, udp:HOST:PORT, or a /dev path; several with commas",
    ),
    Key(
        "checkin.feedback",
        "COSOUND_FEEDBACK",
        "",
        "lights and beepers that answer a tap: reader, led:NAME, beep:/dev/input/…; several with commas, empty = none",
    ),
    Key(
        "checkin.pepper",
        "COSOUND_PEPPER",
        "",
        "the organisation's secret for card hashes, hex; several as VERSION:HEX,… the one in use first",
        credential="pepper",
    ),
    Key(
        "checkin.sun_keys",
        "COSOUND_SUN_KEYS",
        "",
        "keys of cards that sign (NTAG 424 DNA): VERSION:META_KEY:FILE_KEY,…",
        credential="sun-keys",
    ),
    Key("room.closes", "COSOUND_CLOSES", "", "closing time HH:MM, empty = never"),
    Key("ui.port", "COSOUND_UI_PORT", 8550, "port of the touchscreen, on 127.0.0.1", minimum=0, maximum=65535),
    Key("ui.pin", "COSOUND_PIN", "", "staff PIN, four to eight digits; empty = no staff pages", credential="pin"),
)


@dataclass(frozen=True, slots=True)
class Config:
    """Every key of `KEYS`, by its name with `_` for `.`, typed as its default; directories as paths."""

    box_data_dir: Path
    box_runtime_dir: Path
    box_language: str
    cloud_url: str
    cloud_supabase_url: str
    cloud_supabase_key: str
    cloud_token: str
    sync_rate_kib_s: int
    sync_rate_hours: str
    sound_device: str
    sound_channels: int
    sound_block: int
    sound_target_lufs: float
    sound_beds: int
    sound_instrumentals: int
    sound_fade_s: float
    sound_changes_per_minute: int
    sound_engine: str
    sound_angles: str
    sound_upmix: str
    sound_reverb: float
    sound_reverb_size: float
    sound_rotation: float
    taste_rule: str
    taste_policy: str
    taste_min_group: int
    taste_change_per_minute: float
    checkin_reader: str
    checkin_feedback: str
    checkin_pepper: str
    checkin_sun_keys: str
    room_closes: str
    ui_port: int
    ui_pin: str

    @property
    def pcm_dir(self) -> Path:
        """Cache files, derived from media: may be deleted at any time."""
        return self.box_data_dir / "pcm"

    @property
    def media_dir(self) -> Path:
        """Downloaded files, named by their sha256."""
        return self.box_data_dir / "media"

    @property
    def sound_room(self) -> Room:
        """How the outputs stand and what the room adds."""
        return Room(
            _angles(self.sound_angles),
            spread=self.sound_upmix == "spread",
            reverb=self.sound_reverb,
            reverb_size=self.sound_reverb_size,
            rotation_dps=self.sound_rotation,
        )

    @property
    def peppers(self) -> tuple[tuple[int, bytes], ...]:
        """(version, secret), the one in use first. One without a number is the first version."""
        parts = [part.strip() for part in self.checkin_pepper.split(",") if part.strip()]
        versions = [part.rpartition(":") for part in parts]
        return tuple((int(version or 1), bytes.fromhex(secret)) for version, _, secret in versions)


def load_config(env: Mapping[str, str] | None = None, file: Path | None = None) -> Config:
    """Read the configuration. Raises ConfigError naming the key, where it stands, and what it may be."""
    env = os.environ if env is None else env
    file = file or Path(env.get("COSOUND_CONFIG", str(DEFAULT_FILE)))
    in_file = _read_file(file)
    values: dict[str, Any] = {key.field: _value(key, env, in_file, file) for key in KEYS}
    for name in ("box.data_dir", "box.runtime_dir"):
        values[name.replace(".", "_")] = _folder(name, values[name.replace(".", "_")])
    config = Config(**values)
    _check_whole(config)
    return config


def _read_file(file: Path) -> dict[str, Value]:
    """The file's keys as `section.name`; a missing file is an empty one."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read ({error}); it must be a UTF-8 text file") from error
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    flat = dict(_flatten(tree))
    known = [key.name for key in KEYS]
    for name in flat:
        if name not in known:
            raise ConfigError(f"{file}: unknown key {name!r}{_nearest(name, known)}")
    return flat


def _flatten(tree: Mapping[str, Any]) -> list[tuple[str, Value]]:
    flat: list[tuple[str, Value]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            flat += [(f"{name}.{inner}", deep) for inner, deep in _flatten(value)]
        else:
            flat.append((name, value))
    return flat


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known keys: {', '.join(known)}"


def _value(key: Key, env: Mapping[str, str], in_file: Mapping[str, Value], file: Path) -> Value:
    if key.env in env:
        return _typed(key, env[key.env], f"${key.env}")
    secret = _credential(key, env)
    if secret is not None:
        return _typed(key, secret, f"credential {key.credential!r}")
    if key.name in in_file:
        return _typed(key, in_file[key.name], f"{file}: {key.name}")
    return key.default


def _credential(key: Key, env: Mapping[str, str]) -> str | None:
    folder = env.get("CREDENTIALS_DIRECTORY")
    if key.credential is None or not folder:
        return None
    path = Path(folder) / key.credential
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigError(f"credential {path} cannot be read: {why}") from None


def _typed(key: Key, given: Value, where: str) -> Value:
    """The value in its key's type, or a ConfigError that does not repeat a secret."""
    kind = type(key.default)
    shown = "…" if key.credential else repr(given)
    try:
        if isinstance(given, bool) or (kind is str and not isinstance(given, str)):
            raise ValueError
        if kind is int and isinstance(given, float) and not given.is_integer():
            raise ValueError
        value = kind(given)
    except (ValueError, TypeError, OverflowError):
        raise ConfigError(f"{where} is {shown}, but must be {_article(kind)}") from None
    if key.choices and value not in key.choices:
        raise ConfigError(f"{where} is {shown}, but must be one of {', '.join(key.choices)}")
    if isinstance(value, int | float) and not _within(key, value):
        raise ConfigError(f"{where} is {shown}, but must be {key.minimum:g} … {key.maximum:g}")
    return value


def _within(key: Key, value: float) -> bool:
    low = key.minimum if key.minimum is not None else float("-inf")
    high = key.maximum if key.maximum is not None else float("inf")
    return low <= value <= high  # NaN fails both


def _folder(name: str, given: str) -> Path:
    """Made whole here: paths are stored, and read by processes that stand elsewhere."""
    if not given.strip() or "\0" in given:
        raise ConfigError(f"{name} is {given!r}, but must name a directory")
    return Path(given).absolute()


def _article(kind: type) -> str:
    return {int: "a whole number", float: "a number", str: "text"}[kind]


def _angles(given: str) -> tuple[float, ...] | None:
    try:
        return tuple(float(angle) for angle in given.split(",")) if given.strip() else None
    except ValueError:
        raise ConfigError(f"sound.angles is {given!r}, but must be degrees with commas between, as in -30,30") from None


def _check_whole(config: Config) -> None:
    if config.sound_channels not in (1, 2, 4, 6, 8):
        raise ConfigError(f"sound.channels is {config.sound_channels}, but must be 1, 2, 4, 6 or 8")
    try:
        config.sound_room.check(config.sound_channels)
    except ValueError as error:
        raise ConfigError(f"sound: {error}") from None
    for name, url in (("cloud.url", config.cloud_url), ("cloud.supabase_url", config.cloud_supabase_url)):
        if url and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
            raise ConfigError(f"{name} is {url!r}, but must begin with http:// or https://")
    one = r"\s*(\d{1,4}:)?([0-9a-fA-F]{2})+\s*"
    if config.checkin_pepper and not re.fullmatch(f"{one}(,{one})*", config.checkin_pepper, re.ASCII):
        raise ConfigError("checkin.pepper must be hexadecimal digits, two a byte; or several as VERSION:DIGITS,…")
    if len({version for version, _ in config.peppers}) < len(config.peppers):
        raise ConfigError("checkin.pepper names a version twice: each has a number of its own, as in 2:ab…,1:cd…")
    if config.room_closes and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", config.room_closes):
        raise ConfigError(f"room.closes is {config.room_closes!r}, but must be HH:MM, as in 22:30")
    if not re.fullmatch(r"(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?", config.sync_rate_hours):
        raise ConfigError(f"sync.rate_hours is {config.sync_rate_hours!r}, but must be HH:MM-HH:MM, as in 08:00-23:30")
    if config.ui_pin and not re.fullmatch(r"\d{4,8}", config.ui_pin):
        raise ConfigError("ui.pin must be four to eight digits")
