from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud_stub.environment import VARIABLES, listed, refusals, surroundings, table
from cloud_stub.errors import SetupError

ROOT = Path(__file__).resolve().parents[3]
SEEDS = [
    "DATABASE_URL",
    "DB_NAME",
    "DB_USER",
    "DB_PASSWORD",
    "DB_HOST",
    "DB_PORT",
    "SECRET_KEY",
    "DEBUG",
    "ALLOWED_HOSTS",
    "CORS_ALLOWED_ORIGINS",
    "PORT",
    "SUPABASE_URL",
    "SUPABASE_ANON_KEY",
    "SUPABASE_SERVICE_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_STORAGE_BUCKET_NAME",
    "AWS_S3_REGION_NAME",
    "AWS_LOCATION",
    "AWS_DEFAULT_ACL",
    "AWS_S3_CUSTOM_DOMAIN",
    "USE_SUPABASE",
    "VITE_API_URL",
    "VITE_SUPABASE_URL",
    "VITE_SUPABASE_ANON_KEY",
    "PLAYER_TOKEN",
    "MODAL_TOKEN_ID",
    "MODAL_TOKEN_SECRET",
]


def test_the_page_is_the_table() -> None:
    page = (ROOT / "docs" / "cloud.md").read_text()
    assert page.partition("<!-- from the code -->\n")[2] == table()


def test_every_name_that_is_read_is_in_the_table() -> None:
    """The other way round too: a name that nothing reads and nothing refuses would be ignored in silence."""
    source = "\n".join(
        file.read_text() for file in (ROOT / "cloud_stub").rglob("*.py") if file.name != "environment.py"
    )
    read = set(
        re.findall(r"env(?:iron)?(?:\.get\(|\[)\"([A-Z_]+)\"|envvar=\"([A-Z_]+)\"|_number\(env, \"([A-Z_]+)\"", source)
    )
    names = {name for groups in read for name in groups if name}
    known = {variable.name for variable in VARIABLES if not variable.refused}
    assert names <= known
    assert {name for name in known if f'"{name}"' not in source} == set()
    assert set(SEEDS) <= {variable.name for variable in VARIABLES}


def test_the_environment_stands_above_the_files(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / ".env").write_text("PORT=1\nSECRET_KEY='below'\nDB_HOST=far\n")
    (tmp_path / ".env").write_text('# ours\nPORT=2\nexport DB_PASSWORD="a#b${PORT}"\n')
    assert surroundings({"PORT": "3"}, tmp_path) == {
        "PORT": "3", "SECRET_KEY": "below", "DB_HOST": "far", "DB_PASSWORD": "a#b${PORT}",
    }  # fmt: skip
    assert surroundings({"DB_HOST": ""}, tmp_path)["DB_HOST"] == ""
    assert surroundings({}, tmp_path / "nowhere") == {}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff\xfe\n")
    with pytest.raises(SetupError, match=r"\.env"):
        surroundings({}, tmp_path)


def test_what_cannot_be_honoured_is_said_in_a_line_each() -> None:
    assert refusals({"DEBUG": "False", "PORT": "1", "AWS_DEFAULT_ACL": ""}) == []
    lines = refusals({"DEBUG": "True", "MODAL_TOKEN_SECRET": "very secret"})
    assert [line.split()[0] for line in lines] == ["DEBUG", "MODAL_TOKEN_SECRET"]
    assert "very secret" not in "".join(lines)
    assert not [line for line in lines if "\n" in line]


def test_lists_are_separated_by_commas() -> None:
    assert listed(" a.example, ,b.example,") == ("a.example", "b.example")
    assert listed(None) == ()
