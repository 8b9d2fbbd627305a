from __future__ import annotations

import stat
from pathlib import Path

import pytest

from checkin.sun import parse_keys
from cloud_stub.errors import SetupError
from cloud_stub.settings import CloudSettings


def test_a_directory_is_all_it_needs(tmp_path: Path) -> None:
    settings = CloudSettings.for_directory(tmp_path / "cloud", {})
    assert settings.database == tmp_path / "cloud" / "cloud.db"
    assert settings.media_dir == tmp_path / "cloud" / "media"
    assert (settings.port, settings.refresh_s) == (8000, 30.0)


def test_the_secret_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    first = CloudSettings.for_directory(tmp_path, {})
    assert len(first.secret_key) >= 43
    assert CloudSettings.for_directory(tmp_path, {}).secret_key == first.secret_key
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_the_environment_is_honoured(tmp_path: Path) -> None:
    env = {
        "PORT": "9000",
        "COSOUND_REFRESH_S": "5",
        "SECRET_KEY": "given",
        "DATABASE_URL": f"sqlite:///{tmp_path}/other.db",
        "COSOUND_MEDIA_DIR": str(tmp_path / "sounds"),
        "COSOUND_PUBLIC_URL": "https://cloud.example/",
    }
    settings = CloudSettings.for_directory(tmp_path, env)
    assert (settings.port, settings.refresh_s, settings.secret_key) == (9000, 5.0, "given")
    assert settings.database == tmp_path / "other.db"
    assert settings.media_dir == tmp_path / "sounds"
    assert settings.public_url == "https://cloud.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("COSOUND_REFRESH_S", "0"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "postgresql:///nowhere"),
        ("DATABASE_URL", "postgresql://u:p@h/d?colour=red"),
        ("DATABASE_URL", "postgresql://u:a#b@h:12/d"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SetupError, match=name) as error:
        CloudSettings.for_directory(tmp_path, {name: value})
    assert "\n" not in str(error.value)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="--data"):
        CloudSettings.for_directory(tmp_path / "file" / "cloud", {})


def test_a_projects_logins_count_once_it_is_named(tmp_path: Path) -> None:
    assert CloudSettings.for_directory(tmp_path, {}).project is None
    env = {"SUPABASE_URL": "https://abcd.supabase.co/", "SUPABASE_JWT_SECRET": "s" * 40}
    project = CloudSettings.for_directory(tmp_path, env).project
    assert project is not None
    assert project.issuer == "https://abcd.supabase.co/auth/v1"
    assert "s" * 40 not in repr(project)


@pytest.mark.parametrize(
    ("env", "cure"),
    [
        ({"SUPABASE_URL": "https://abcd.supabase.com"}, "https://abcd.supabase.co"),
        ({"SUPABASE_URL": "abcd"}, "https://PROJECT_REF"),
        ({"SUPABASE_URL": "http://abcd.supabase.co"}, "https://PROJECT_REF"),
        ({"SUPABASE_URL": "https://abcd.supabase.co/rest/v1"}, "https://PROJECT_REF"),
        ({"SUPABASE_URL": "https://[abcd"}, "https://PROJECT_REF"),
        ({"SUPABASE_URL": "file:///etc/passwd"}, "https://PROJECT_REF"),
        ({"SUPABASE_JWT_SECRET": "s" * 40}, "without SUPABASE_URL"),
        ({"SUPABASE_URL": "https://abcd.supabase.co", "SUPABASE_JWT_SECRET": "short"}, "copy it again"),
    ],
)
def test_a_project_that_cannot_be_one_is_named_with_its_cure(tmp_path: Path, env: dict[str, str], cure: str) -> None:
    with pytest.raises(SetupError, match="SUPABASE") as error:
        CloudSettings.for_directory(tmp_path, env)
    assert cure in str(error.value)
    assert "\n" not in str(error.value)
    assert env.get("SUPABASE_JWT_SECRET", "?") not in str(error.value)


def test_keys_of_signing_cards_are_read_and_bad_ones_are_named_and_not_repeated(tmp_path: Path) -> None:
    text = f"1:{bytes(16).hex()}:{bytes(range(16)).hex()}"
    assert CloudSettings.for_directory(tmp_path, {"COSOUND_SUN_KEYS": text}).sun_keys == parse_keys(text)
    with pytest.raises(SetupError, match="COSOUND_SUN_KEYS must be VERSION") as caught:
        CloudSettings.for_directory(tmp_path, {"COSOUND_SUN_KEYS": "1:5ec2e7:x"})
    assert "5ec2e7" not in str(caught.value)
