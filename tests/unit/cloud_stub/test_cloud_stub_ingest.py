from __future__ import annotations

import pytest

from cloud_stub.errors import Refused
from cloud_stub.ingest import ending_of, parse_embedding


@pytest.mark.parametrize("text", ["0.1,0.2,0.3,0.4,0.5", "[0.1, 0.2, 0.3, 0.4, 0.5]", " 0.1, 0.2,0.3,0.4,5e-1 "])
def test_five_numbers_are_an_embedding(text: str) -> None:
    assert parse_embedding(text) == [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize("text", [None, "", "  "])
def test_nothing_is_none(text: str | None) -> None:
    assert parse_embedding(text) is None


@pytest.mark.parametrize(
    "text", ["1", "1,2,3,4", "1,2,3,4,5,6", "1,2,3,4,inf", "1,2,3,4,nan", "a", "[[1,2,3,4,5]]", "1,,2,3,4"]
)
def test_anything_else_is_refused_with_the_tags_named(text: str) -> None:
    with pytest.raises(Refused, match="rain"):
        parse_embedding(text)


def test_endings_are_read_without_case() -> None:
    assert ending_of("A Sea.FLAC") == ".flac"
    for name in ("sea", "sea.flac.exe", ".flac/", "sea."):
        with pytest.raises(Refused, match="only wav"):
            ending_of(name)
