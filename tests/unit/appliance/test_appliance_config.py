from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config import KEYS, Config, Key, load_config
from appliance.errors import ConfigError

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"

# Something else than the default for each key, as it is written in a variable, and as it comes out.
OTHER: dict[str, tuple[str, Any]] = {
    "box.data_dir": ("/tmp/data", Path("/tmp/data")),
    "box.runtime_dir": ("/tmp/run", Path("/tmp/run")),
    "box.language": ("fr", "fr"),
    "cloud.url": ("https://cloud.example:8443/base", "https://cloud.example:8443/base"),
    "cloud.supabase_url": ("https://abcdefgh.supabase.co", "https://abcdefgh.supabase.co"),
    "cloud.supabase_key": ("anon-key", "anon-key"),
    "cloud.token": ("token-of-this-box", "token-of-this-box"),
    "sync.rate_kib_s": ("256", 256),
    "sync.rate_hours": ("08:00-23:30", "08:00-23:30"),
    "sound.device": ("USB Audio", "USB Audio"),
    "sound.channels": ("6", 6),
    "sound.block": ("2048", 2048),
    "sound.target_lufs": ("-23.5", -23.5),
    "sound.beds": ("4", 4),
    "sound.instrumentals": ("0", 0),
    "sound.fade_s": ("12", 12.0),
    "sound.engine": ("channels", "channels"),
    "sound.angles": ("-30,30", "-30,30"),
    "sound.upmix": ("spread", "spread"),
    "sound.reverb": ("0.3", 0.3),
    "sound.reverb_size": ("0.8", 0.8),
    "sound.rotation": ("-2", -2.0),
    "sound.changes_per_minute": ("2", 2),
    "taste.rule": ("v1", "v1"),
    "taste.policy": ("turns", "turns"),
    "taste.min_group": ("3", 3),
    "taste.change_per_minute": ("0.5", 0.5),
    "checkin.reader": ("udp:127.0.0.1:4000", "udp:127.0.0.1:4000"),
    "checkin.feedback": ("reader,led:cosound", "reader,led:cosound"),
    "checkin.pepper": ("00ff10", "00ff10"),
    "checkin.sun_keys": ("1:ab:cd", "1:ab:cd"),
    "room.closes": ("22:30", "22:30"),
    "ui.port": ("0", 0),
    "ui.pin": ("24680", "24680"),
}


def load(tmp_path: Path, toml: str | bytes = "", **env: str) -> Config:
    file = tmp_path / "cosound.toml"
    file.write_bytes(toml.encode() if isinstance(toml, str) else toml)
    return load_config(env, file)


def refusal(tmp_path: Path, toml: str | bytes = "", **env: str) -> str:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, toml, **env)
    message = str(refused.value)
    assert "\n" not in message
    return message


def toml_of(key: Key) -> str:
    section, name = key.name.split(".")
    text = OTHER[key.name][0]
    return f"[{section}]\n{name} = " + (f'"{text}"' if isinstance(key.default, str) else text)


by_key = pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)


def test_without_file_and_variables_everything_has_its_default(tmp_path: Path) -> None:
    config = load_config({}, tmp_path / "none.toml")
    for key in KEYS:
        value = getattr(config, key.field)
        assert value == (Path(str(key.default)) if isinstance(value, Path) else key.default)


@by_key
def test_every_key_has_a_variable(tmp_path: Path, key: Key) -> None:
    text, value = OTHER[key.name]
    assert getattr(load(tmp_path, **{key.env: text}), key.field) == value


@by_key
def test_every_key_has_a_place_in_the_file(tmp_path: Path, key: Key) -> None:
    assert getattr(load(tmp_path, toml_of(key)), key.field) == OTHER[key.name][1]


@by_key
def test_a_variable_is_stronger_than_the_file(tmp_path: Path, key: Key) -> None:
    plain = load_config({}, tmp_path / "none.toml")
    config = load(tmp_path, toml_of(key), **{key.env: str(key.default)})
    assert getattr(config, key.field) == getattr(plain, key.field)


def test_the_file_is_where_the_variable_says(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[ui]\nport = 9000")
    assert load_config({"COSOUND_CONFIG": str(tmp_path / "mine.toml")}).ui_port == 9000


def test_directories_are_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load(tmp_path, COSOUND_DATA_DIR="box")
    assert config.box_data_dir == tmp_path / "box"
    assert config.pcm_dir == tmp_path / "box" / "pcm"
    assert config.media_dir == tmp_path / "box" / "media"


def test_the_pepper_comes_as_bytes_with_its_version(tmp_path: Path) -> None:
    assert load(tmp_path, COSOUND_PEPPER="").peppers == ()
    assert load(tmp_path, COSOUND_PEPPER="00fF10").peppers == ((1, b"\x00\xff\x10"),)
    assert load(tmp_path, COSOUND_PEPPER="3:00ff10, 1:ab").peppers == ((3, b"\x00\xff\x10"), (1, b"\xab"))


@pytest.mark.parametrize("pepper", ["2:ab,2:cd", "1:ab,cd", "1:ab,", "1:", "x:ab", "2:abc"])
def test_versions_of_the_pepper_are_told_apart(tmp_path: Path, pepper: str) -> None:
    assert "checkin.pepper" in refusal(tmp_path, COSOUND_PEPPER=pepper)


def test_a_byte_order_mark_and_foreign_line_ends_are_no_matter(tmp_path: Path) -> None:
    toml = b"\xef\xbb\xbf[sound]\r\nbeds = 3\r\n[ui]\r\nport = 9000\r\n"
    config = load(tmp_path, toml)
    assert (config.sound_beds, config.ui_port) == (3, 9000)


# Unknown keys


@pytest.mark.parametrize(
    ("toml", "meant"),
    [
        ("[sound]\nbed = 3", "sound.beds"),
        ("[sond]\nfade_s = 3", "sound.fade_s"),
        ("[ui]\nprot = 3", "ui.port"),
        ("[cloud]\nURL = 'https://x'", "cloud.url"),
        ("sound.beds.most = 3", "sound.beds"),
    ],
)
def test_an_unknown_key_suggests_the_nearest(tmp_path: Path, toml: str, meant: str) -> None:
    message = refusal(tmp_path, toml)
    assert f"did you mean {meant!r}" in message
    assert str(tmp_path / "cosound.toml") in message


def test_a_key_like_no_other_is_told_all_there_are(tmp_path: Path) -> None:
    message = refusal(tmp_path, "zzzzzzzz = 1")
    assert all(key.name in message for key in KEYS)


# Wrong values


@pytest.mark.parametrize("given", ["three", "2.5", "", "nan", "inf", "1e400", "true", "0x2", "-1", "99999999999"])
def test_a_wrong_number_is_refused_with_its_variable(tmp_path: Path, given: str) -> None:
    assert "$COSOUND_BEDS" in refusal(tmp_path, COSOUND_BEDS=given)


@pytest.mark.parametrize("given", ["soon", "", "nan", "NaN", "inf", "-inf", "1e400", "0", "601"])
def test_a_wrong_fraction_is_refused(tmp_path: Path, given: str) -> None:
    assert "$COSOUND_FADE_S" in refusal(tmp_path, COSOUND_FADE_S=given)


@pytest.mark.parametrize(
    "line",
    [
        "beds = 2.5", "beds = nan", "beds = inf", "beds = true", "beds = [3]", "beds = 2026-01-01", "beds = 13",
        'beds = "many"', "fade_s = nan", "fade_s = [1.0]", "fade_s = true", "device = 3", 'channels = 3',
    ],
)  # fmt: skip
def test_a_wrong_value_in_the_file_is_refused_with_its_key(tmp_path: Path, line: str) -> None:
    assert f"sound.{line.split(maxsplit=1)[0]}" in refusal(tmp_path, f"[sound]\n{line}")


@pytest.mark.parametrize("line", ["beds = 3.0", "fade_s = 3"])
def test_a_whole_number_is_one_however_it_is_written(tmp_path: Path, line: str) -> None:
    config = load(tmp_path, f"[sound]\n{line}")
    assert 3 in (config.sound_beds, config.sound_fade_s)
    assert isinstance(config.sound_beds, int)
    assert isinstance(config.sound_fade_s, float)


@pytest.mark.parametrize(
    ("env", "given", "must"),
    [
        ("COSOUND_LANGUAGE", "de", "en, fr"),
        ("COSOUND_TASTE_RULE", "Bayes", "bayes, v1"),
        ("COSOUND_TASTE_POLICY", "median", "least_misery"),
        ("DJANGO_API_URL", "cloud.example", "http"),
        ("DJANGO_API_URL", "ftp://cloud.example", "http"),
        ("DJANGO_API_URL", "https://cloud example", "http"),
        ("COSOUND_CLOSES", "25:00", "HH:MM"),
        ("COSOUND_CLOSES", "9pm", "HH:MM"),
        ("COSOUND_SOUND_CHANNELS", "5", "1, 2, 4, 6 or 8"),
        ("COSOUND_DATA_DIR", "", "directory"),
        ("COSOUND_RUNTIME_DIR", "a\0b", "directory"),
    ],
)
def test_a_refusal_says_what_it_must_be(tmp_path: Path, env: str, given: str, must: str) -> None:
    assert must in refusal(tmp_path, **{env: given})


@pytest.mark.parametrize("toml", [b"\xff\xfe\x00", b"[sound\nbeds = 3", b"beds", b"\x00", b"a = 1\na = 2"])
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, toml: bytes) -> None:
    assert str(tmp_path / "cosound.toml") in refusal(tmp_path, toml)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config({}, tmp_path)


@given(st.sampled_from(KEYS), st.text(max_size=20) | st.floats().map(str) | st.integers().map(str))
def test_no_value_gets_past_as_something_else(key: Key, given_text: str) -> None:
    try:
        value = getattr(load_config({key.env: given_text}, Path("/nowhere/cosound.toml")), key.field)
    except ConfigError as refused:
        assert "Traceback" not in str(refused)
        return
    if isinstance(value, int | float):
        assert math.isfinite(value)
        assert (key.minimum or value) <= value <= (key.maximum or value)
    if key.choices:
        assert value in key.choices


# Secrets

SECRETS = [key for key in KEYS if key.credential]


def test_the_secrets_are_known() -> None:
    assert {key.name for key in SECRETS} == {"cloud.token", "checkin.pepper", "checkin.sun_keys", "ui.pin"}


@pytest.mark.parametrize(("env", "secret"), [("COSOUND_PEPPER", "hunter2"), ("COSOUND_PIN", "hunter2")])
def test_a_wrong_secret_is_not_repeated(tmp_path: Path, env: str, secret: str) -> None:
    assert secret not in refusal(tmp_path, **{env: secret})


def test_a_secret_of_the_wrong_type_is_not_repeated(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[ui]\npin = 246813579")
    assert "ui.pin" in message
    assert "246813579" not in message


@pytest.mark.parametrize("key", SECRETS, ids=lambda key: key.name)
def test_a_credential_is_stronger_than_the_file_and_weaker_than_the_variable(tmp_path: Path, key: Key) -> None:
    assert key.credential is not None
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / key.credential).write_text(OTHER[key.name][0] + "\n")
    given = {"CREDENTIALS_DIRECTORY": str(folder)}
    other = toml_of(key).replace(OTHER[key.name][0], "1234")
    assert getattr(load(tmp_path, other, **given), key.field) == OTHER[key.name][1]
    assert getattr(load(tmp_path, **given, **{key.env: "5678"}), key.field) == "5678"


def test_a_credential_that_was_not_handed_over_is_not_missed(tmp_path: Path) -> None:
    assert load(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path / "none")).cloud_token == ""
    assert load(tmp_path, CREDENTIALS_DIRECTORY="").cloud_token == ""


def test_a_credential_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "player-token").mkdir()
    assert "player-token" in refusal(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path))
    (tmp_path / "pin").write_bytes(b"\xff\xfe")
    (tmp_path / "player-token").rmdir()
    assert "pin" in refusal(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path))


# The page


def test_the_page_tells_every_key_as_it_is() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert rows == [row_of(key) for key in KEYS], "docs/configuration.md and the table of keys differ"


def row_of(key: Key) -> str:
    default = f"`{key.default}`" if key.default != "" else ""
    may_be = ", ".join(f"`{choice}`" for choice in key.choices)
    if key.minimum is not None:
        may_be = f"{key.minimum:g} … {key.maximum:g}"
    if key.credential:
        may_be = f"secret, credential `{key.credential}`"
    return f"| `{key.name}` | `{key.env}` | {default} | {may_be} | {key.doc} |"
