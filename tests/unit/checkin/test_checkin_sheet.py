"""The sheet as a printer and a phone would see it."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pygame
import pytest
import segno

import cloud_stub
from appliance.errors import InputError, SetupError
from checkin.sheet import (
    DOTS_PER_INCH,
    HEIGHT,
    PAPER,
    QR_WIDTH,
    QUIET_MODULES,
    STICKER_WIDTH,
    WIDTH,
    WORDS,
    draw,
    write_sheet,
)

URL = "https://cosound.example/r/0b6c9b1e-7f0e-4c55-9d0e-1a2b3c4d5e6f?s=AAAAAAAAAAAAAAAA"

SAFE = DOTS_PER_INCH // 4  # no printer prints to the edge: a quarter of an inch


def modules_on(page: pygame.Surface, rows: list[bytearray]) -> list[list[bool]]:
    """The QR as a camera would take it from the page: find its corner, then look at the middle of each module."""
    step = QR_WIDTH // (len(rows) + 2 * QUIET_MODULES)
    left = (WIDTH - (len(rows) + 2 * QUIET_MODULES) * step) // 2 + QUIET_MODULES * step
    finder = (page.get_at((left + step // 2, y))[:3] != PAPER for y in range(HEIGHT))
    dark = list(finder)
    top = next(y for y in range(HEIGHT) if all(dark[y : y + 7 * step]))
    return [
        [page.get_at((left + x * step + step // 2, top + y * step + step // 2))[:3] != PAPER for x in range(len(rows))]
        for y in range(len(rows))
    ]


@pytest.mark.parametrize("sticker", [False, True])
@pytest.mark.parametrize("language", sorted(WORDS))
def test_the_code_on_the_page_is_the_address(language: str, sticker: bool) -> None:
    page = draw(URL, WORDS[language], sticker=sticker)
    rows = list(segno.make(URL, error="q", micro=False).matrix)
    assert modules_on(page, rows) == [[bool(dark) for dark in row] for row in rows]


@pytest.mark.parametrize("language", sorted(WORDS))
def test_nothing_is_cut_off_or_written_over(language: str) -> None:
    """Where the ring is, nothing was before; the margins stay white, as printers need them."""
    plain, ringed = (draw("https://a.example/" + "w" * 180, WORDS[language], sticker=on) for on in (False, True))
    added = [y for y in range(HEIGHT) if _row(plain, y) != _row(ringed, y)]
    assert STICKER_WIDTH - 4 <= len(added) <= STICKER_WIDTH + 4
    assert all(_is_white(_row(plain, y)) for y in added)
    for page in (plain, ringed):
        pixels = pygame.surfarray.array3d(page)
        for strip in (pixels[:SAFE], pixels[-SAFE:], pixels[:, :SAFE], pixels[:, -SAFE:]):
            assert strip.min() == 255


def _row(page: pygame.Surface, y: int) -> bytes:
    return pygame.image.tobytes(page.subsurface((0, y, WIDTH, 1)), "RGB")


def _is_white(row: bytes) -> bool:
    return row == b"\xff" * len(row)


def test_the_steps_name_the_button_as_the_phones_page_does() -> None:
    web = Path(cloud_stub.__file__).parent / "web"
    labels = {"en": re.search(r'data-say="imHere">([^<]+)<', (web / "room.html").read_text())}
    for code, body in re.findall(r"^  (\w\w): \{(.*?)^  \},", (web / "words.js").read_text(), re.DOTALL | re.MULTILINE):
        labels.setdefault(code, re.search(r'imHere: "([^"]+)"', body))
    assert labels.keys() == WORDS.keys(), "the sheet speaks what the page speaks"
    for code, label in labels.items():
        assert label is not None
        assert label[1] in WORDS[code].steps[1]


def test_png_and_pdf_are_the_same_picture(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.PNG", URL)
    write_sheet(tmp_path / "sheet.pdf", URL)
    png = pygame.image.load(tmp_path / "sheet.PNG")
    assert png.get_size() == (WIDTH, HEIGHT)
    pdf = (tmp_path / "sheet.pdf").read_bytes()
    table = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n", 1)[0])
    begins = [int(begin) for begin in re.findall(rb"(\d{10}) 00000 n ", pdf[table:])]
    assert [pdf[begin:].split(b" ", 1)[0] for begin in begins] == [b"1", b"2", b"3", b"4", b"5"]
    picture = pdf[begins[4] :].split(b"stream\n", 1)[1]
    assert zlib.decompressobj().decompress(picture) == pygame.image.tobytes(png, "RGB")[::3]


@pytest.mark.parametrize("name", ["sheet.pdf", "sheet.png"])
def test_another_programs_eye_reads_the_address_from_the_printed_page(tmp_path: Path, name: str) -> None:
    for program, package in (("pdftoppm", "poppler-utils"), ("zbarimg", "zbar-tools")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install {package}")
    write_sheet(tmp_path / name, URL, language="fr")
    if name.endswith(".pdf"):
        subprocess.run(["pdftoppm", "-r", "100", "-png", "-singlefile", name, "sheet"], cwd=tmp_path, check=True)
    eye = ["zbarimg", "-q", "--raw", "sheet.png"]
    read = subprocess.run(eye, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert read.stdout.strip() == URL


def test_bad_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.png or a \.pdf"):
        write_sheet(tmp_path / "sheet.doc", URL)
    with pytest.raises(InputError, match="en, de, fr, es"):
        write_sheet(tmp_path / "sheet.pdf", URL, language="xx")
    with pytest.raises(SetupError, match="another place"):
        write_sheet(tmp_path / "nowhere" / "sheet.pdf", URL)
