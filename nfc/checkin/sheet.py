"""A sheet of paper that says what the stickers say: the room's address as a QR, to be printed and put up."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import InputError, SetupError

if TYPE_CHECKING:
    from pygame import Surface

DOTS_PER_INCH = 150
WIDTH, HEIGHT = 1240, 1754  # A4
QR_WIDTH = 960
QUIET_MODULES = 4
MARGIN = 110
INK, PAPER = (17, 17, 17), (255, 255, 255)

WORDS = {
    "en": ("This room plays what its people like.", "Scan the code, or hold your phone to the sticker,",
           "and rate what you hear. No app, no account."),
    "fr": ("Cette salle joue ce qui plaît à ceux qui y sont.", "Scannez, ou touchez l’autocollant du téléphone,",
           "et notez ce que vous entendez. Sans appli, sans compte."),
}  # fmt: skip


def write_sheet(path: Path, url: str, *, language: str = "en") -> None:
    """Write the sheet as .png or .pdf (A4). Raises InputError for another ending, SetupError when it cannot be."""
    if path.suffix.lower() not in (".png", ".pdf"):
        raise InputError(f"{path.name}: the sheet is a .png or a .pdf, by its ending")
    page = draw(url, WORDS.get(language, WORDS["en"]))
    data = _png(page) if path.suffix.lower() == ".png" else _pdf(page)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}; choose another place") from error


def draw(url: str, words: tuple[str, str, str]) -> Surface:
    """The page as pixels: a headline, the QR, what to do, and the address in letters."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame

    pygame.font.init()
    page = pygame.Surface((WIDTH, HEIGHT))
    page.fill(PAPER)
    at = MARGIN + _write(page, words[0], MARGIN, 80)
    qr = _qr(url)
    at += 60
    page.blit(qr, ((WIDTH - qr.get_width()) // 2, at))
    at += qr.get_height() + 40
    for line in words[1:]:
        at += _write(page, line, at, 44) + 14
    _write(page, url, HEIGHT - MARGIN - 30, 30)
    return page


def _write(page: Surface, text: str, top: int, size: int) -> int:
    """A centred line, smaller if the page is too narrow for it; its height."""
    import pygame

    line = pygame.font.Font(None, size).render(text, True, INK, PAPER)
    if line.get_width() > WIDTH - MARGIN:
        line = pygame.font.Font(None, size * (WIDTH - MARGIN) // line.get_width()).render(text, True, INK, PAPER)
    page.blit(line, ((WIDTH - line.get_width()) // 2, top))
    return int(line.get_height())


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
