"""A small picture: dots, lines and words in an array, written as PNG with nothing but zlib."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

Colour = tuple[int, int, int]

PAPER: Colour = (250, 248, 244)
INK: Colour = (40, 40, 44)
GREY: Colour = (190, 186, 178)
BLUE: Colour = (38, 99, 168)
RED: Colour = (196, 62, 45)

# Each letter is five lines of three dots; a digit is a line.
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-+:/%=(),"
LINES = (
    "75557 26227 61247 61216 55711 74716 34757 71244 75757 75716 "
    "25755 65656 34443 65556 74647 74644 34553 55755 72227 11152 55655 44447 57755 "
    "65555 25552 65644 25573 65655 34216 72222 55557 55552 55775 55255 55222 71247 "
    "00002 00700 02720 02020 11244 51245 07070 12221 42224 00024"
)
GLYPHS = dict(zip(LETTERS, LINES.split(), strict=True))


class Canvas:
    """Pixels with a plot in them; x and y of the plot run over the ranges given."""

    def __init__(self, width: int, height: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.pixels = np.full((height, width, 3), PAPER, np.uint8)
        self._left, self._top, self._right, self._bottom = 60, 34, width - 16, height - 34
        self._x, self._y = x, y

    def title(self, words: str) -> None:
        self.words(self._left, 10, words, INK, 2)

    def axes(self, xs: list[float], ys: list[float], x_unit: str, y_unit: str) -> None:
        """A grid with its numbers, and what they count."""
        for x in xs:
            column = int(self._column(np.array([x]))[0])
            self.pixels[self._top : self._bottom, column] = GREY
            self.words(column - 6, self._bottom + 6, f"{x:g}", INK)
        for y in ys:
            row = int(self._row(np.array([y]))[0])
            self.pixels[row, self._left : self._right] = GREY
            self.words(6, row - 4, f"{y:g}", INK)
        self.words(self._right - 70, self._bottom + 20, x_unit, INK)
        self.words(6, 10, y_unit, INK)

    def curve(self, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], colour: Colour, thick: int = 1) -> None:
        """Straight pieces between points."""
        columns, rows = self._column(x), self._row(y)
        steps = np.maximum(np.abs(np.diff(columns)), np.abs(np.diff(rows))).astype(int) + 1
        for k, count in enumerate(steps):
            share = np.linspace(0, 1, count + 1)
            self._dots(
                columns[k] + share * (columns[k + 1] - columns[k]),
                rows[k] + share * (rows[k + 1] - rows[k]),
                colour,
                thick,
            )

    def image(self, values: npt.NDArray[np.floating]) -> None:
        """Fill the plot with values 0 … 1 as (rows from the top, columns), light to dark."""
        rows = np.arange(self._bottom - self._top) * len(values) // (self._bottom - self._top)
        columns = np.arange(self._right - self._left) * values.shape[1] // (self._right - self._left)
        shade = np.clip(values[rows][:, columns], 0, 1)[..., None]
        ramp = np.array(PAPER) * (1 - shade) + np.array(BLUE) * shade
        dark = np.clip(shade * 2 - 1, 0, 1)
        self.pixels[self._top : self._bottom, self._left : self._right] = ramp * (1 - 0.7 * dark)

    def words(self, column: int, row: int, text: str, colour: Colour, size: int = 2) -> None:
        for place, letter in enumerate(text.upper()):
            for line, bits in enumerate(GLYPHS.get(letter, "00000")):
                for bit in range(3):
                    if int(bits) >> (2 - bit) & 1:
                        x, y = column + (4 * place + bit) * size, row + line * size
                        self.pixels[max(0, y) : y + size, max(0, x) : x + size] = colour

    def save(self, path: Path) -> None:
        height, width, _ = self.pixels.shape
        lines = np.concatenate((np.zeros((height, 1), np.uint8), self.pixels.reshape(height, -1)), axis=1)
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts))

    def _dots(
        self, columns: npt.NDArray[np.floating], rows: npt.NDArray[np.floating], colour: Colour, thick: int
    ) -> None:
        for shift in range(thick):
            x = np.clip(columns.astype(int), self._left, self._right - 1)
            y = np.clip(rows.astype(int) + shift, self._top, self._bottom - 1)
            self.pixels[y, x] = colour

    def _column(self, x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        low, high = self._x
        return self._left + (x - low) / (high - low) * (self._right - self._left - 1)

    def _row(self, y: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        low, high = self._y
        return self._bottom - 1 - (y - low) / (high - low) * (self._bottom - self._top - 1)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
