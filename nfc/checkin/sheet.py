"""A sheet of paper that says what the stickers say: the room's address as a QR, to be printed and put up."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.errors import InputError, SetupError

if TYPE_CHECKING:
    from pygame import Surface

DOTS_PER_INCH = 300
WIDTH, HEIGHT = 2480, 3508  # A4
QR_WIDTH = 1840
QUIET_MODULES = 4
MARGIN = 180
STICKER_WIDTH = 30 * DOTS_PER_INCH * 10 // 254  # 30 mm, as stickers are
INK, PAPER, SOFT = (17, 17, 17), (255, 255, 255), (150, 150, 150)


@dataclass(frozen=True, slots=True)
class Words:
    """call: what to do and what for, in one breath. steps: the same, one after the other, in the words of the phone's
    page. here: beside the place for a sticker."""

    call: str
    room: str
    steps: tuple[str, str, str]
    nothing: str
    here: str


WORDS = {
    "en": Words(
        "Scan, and help choose what plays", "This room plays what its people like.",
        ("1   Point your phone’s camera here", "2   Press “I’m here”", "3   Rate what you hear"),
        "No app, no name, no account.", "or hold your phone to this spot",
    ),
    "de": Words(
        "Scannen und mitbestimmen, was hier klingt", "Dieser Raum spielt, was den Menschen in ihm gefällt.",
        ("1   Handykamera hierher richten", "2   „Ich bin da“ drücken", "3   Bewerten, was Sie hören"),
        "Ohne App, ohne Namen, ohne Konto.", "oder das Handy an diese Stelle halten",
    ),
    "fr": Words(
        "Scannez et faites entendre vos goûts", "Cette salle joue ce qui plaît à ceux qui y sont.",
        ("1   Visez ce code avec votre téléphone", "2   Touchez « Je suis là »", "3   Notez ce que vous entendez"),
        "Sans appli, sans nom, sans compte.", "ou posez votre téléphone ici",
    ),
    "es": Words(
        "Escanea y participa en lo que suena", "Esta sala toca lo que gusta a quienes están en ella.",
        ("1   Apunta con la cámara del móvil", "2   Pulsa «Estoy aquí»", "3   Valora lo que oyes"),
        "Sin app, sin nombre, sin cuenta.", "o acerca el móvil a este punto",
    ),
}  # fmt: skip


def write_sheet(path: Path, url: str, *, language: str = "en", sticker: bool = False) -> None:
    """Write the sheet as .png or .pdf (A4). sticker: with a place to put one.

    Raises InputError for another ending or language, SetupError when it cannot be written.
    """
    if path.suffix.lower() not in (".png", ".pdf"):
        raise InputError(f"{path.name}: the sheet is a .png or a .pdf, by its ending")
    if language not in WORDS:
        raise InputError(f"the sheet speaks {', '.join(WORDS)}, and not {language!r}")
    page = draw(url, WORDS[language], sticker=sticker)
    data = _png(page) if path.suffix.lower() == ".png" else _pdf(page)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}; choose another place") from error


def draw(url: str, words: Words, *, sticker: bool = False) -> Surface:
    """The page as pixels: what to do, the QR, the steps, and where it leads."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame

    pygame.font.init()
    page = pygame.Surface((WIDTH, HEIGHT))
    page.fill(PAPER)
    at = MARGIN + _write(page, words.call, MARGIN, 230) + 30
    at += _write(page, words.room, at, 100) + 20
    qr = _qr(url)
    page.blit(qr, ((WIDTH - qr.get_width()) // 2, at))
    at += qr.get_height() + 20
    left = (WIDTH - max(_line(step, 120).get_width() for step in words.steps)) // 2
    for step in words.steps:
        at += _write(page, step, at, 120, left) + 30
    at += _write(page, words.nothing, at + 20, 80) + 20
    if sticker:
        _place_for_sticker(page, words.here, at + 50)
    host = urlsplit(url).hostname or url
    _write(page, url, HEIGHT - MARGIN + 40, 52)
    _write(page, host, HEIGHT - MARGIN - 60, 90)
    return page


def _place_for_sticker(page: Surface, words: str, top: int) -> None:
    import pygame

    line, radius = _line(words, 90), STICKER_WIDTH // 2
    left = (WIDTH - STICKER_WIDTH - 60 - line.get_width()) // 2
    pygame.draw.circle(page, SOFT, (left + radius, top + radius), radius, 6)
    page.blit(line, (left + STICKER_WIDTH + 60, top + radius - line.get_height() // 2))


def _write(page: Surface, text: str, top: int, size: int, left: int | None = None) -> int:
    """A line, in the middle unless `left` is given; its height."""
    line = _line(text, size)
    page.blit(line, ((WIDTH - line.get_width()) // 2 if left is None else left, top))
    return int(line.get_height())


def _line(text: str, size: int) -> Surface:
    """Smaller than `size` if the page is too narrow for it."""
    import pygame

    line = pygame.font.Font(None, size).render(text, True, INK, PAPER)
    if line.get_width() > WIDTH - 2 * MARGIN:
        size = size * (WIDTH - 2 * MARGIN) // line.get_width()
        line = pygame.font.Font(None, size).render(text, True, INK, PAPER)
    return line


def _qr(url: str) -> Surface:
    """Whole pixels a module, with the quiet zone that phones need; a quarter of it may be torn or stained."""
    import pygame
    import segno

    rows = list(segno.make(url, error="q", micro=False).matrix)
    side = len(rows) + 2 * QUIET_MODULES
    step = QR_WIDTH // side
    picture = pygame.Surface((side * step, side * step))
    picture.fill(PAPER)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                picture.fill(INK, ((x + QUIET_MODULES) * step, (y + QUIET_MODULES) * step, step, step))
    return picture


def _png(page: Surface) -> bytes:
    import io

    import pygame

    out = io.BytesIO()
    pygame.image.save(page, out, "sheet.png")
    return out.getvalue()


def _pdf(page: Surface) -> bytes:
    """One A4 page that is the picture, in PDF's few words."""
    import pygame

    grey = pygame.image.tobytes(page, "RGB")[::3]
    points = f"{WIDTH * 72 / DOTS_PER_INCH:.2f} 0 0 {HEIGHT * 72 / DOTS_PER_INCH:.2f}"
    box = points.replace(" 0 0 ", " ")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box}] /Contents 4 0 R "
        "/Resources << /XObject << /Sheet 5 0 R >> >> >>".encode(),
        _stream("", f"{points} 0 0 cm /Sheet Do".encode()),
        _stream(
            f"/Type /XObject /Subtype /Image /Width {WIDTH} /Height {HEIGHT} /ColorSpace /DeviceGray "
            "/BitsPerComponent 8 /Filter /FlateDecode ",
            zlib.compress(grey, 9),
        ),
    ]
    return _pdf_file(objects)


def _stream(head: str, data: bytes) -> bytes:
    return f"<< {head}/Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _pdf_file(objects: list[bytes]) -> bytes:
    """The objects, numbered from 1, and the table of where each begins."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    begins = []
    for number, body in enumerate(objects, start=1):
        begins.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % begin for begin in begins)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)
