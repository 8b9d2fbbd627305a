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

from appliance.errors import InputError, SetupError
from checkin.sheet import HEIGHT, PAPER, QR_WIDTH, QUIET_MODULES, WIDTH, WORDS, draw, write_sheet

URL = "https://cosound.example/r/0b6c9b1e-7f0e-4c55-9d0e-1a2b3c4d5e6f?s=AAAAAAAAAAAAAAAA"


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


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_code_on_the_page_is_the_address(language: str) -> None:
    page = draw(URL, WORDS[language])
    rows = list(segno.make(URL, error="q", micro=False).matrix)
    assert modules_on(page, rows) == [[bool(dark) for dark in row] for row in rows]


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
    with pytest.raises(SetupError, match="another place"):
        write_sheet(tmp_path / "nowhere" / "sheet.pdf", URL)
