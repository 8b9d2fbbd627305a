"""python -m benchmarks.pictures FOLDER: what the mixer does, to look at. Every picture is of rendered sound, and says
in its second line what was measured and whether that is what is promised."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mixer.bus import SLAB
from mixer.dynamics import LOOKAHEAD
from mixer.offline_engine import OfflineEngine
from mixer.pcm import PcmInfo, write_pcm
from mixer.scene import SAMPLE_RATE, Law, Layer, Loop, Scene, SongId
from mixer.upmix import Upmix

Sound = npt.NDArray[np.floating]

INK, BLUE, RED, GREY, GREEN = "#28282c", "#2663a8", "#c43e2d", "#b4b0a8", "#2c7a3f"
LAWS: tuple[tuple[Law, str], ...] = (("equal_power", "equal power"), ("linear", "linear"))
FADES_S = (0.005, 0.02, 0.25, 2.0, 8.0, 30.0)
PROMISED_DBTP = -1.0
ALLOWED_FADE_DB, ALLOWED_CLICK_DB, ALLOWED_LIKENESS, ALLOWED_SUM_DB = -100.0, -80.0, 0.2, 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was measured, in words, and whether it keeps the promise."""

    words: str
    ok: bool


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    pictures: tuple[Callable[[Path], tuple[Figure, Verdict]], ...] = (
        spectrogram, fades, fade_error, limiter, upmix_correlation,
    )  # fmt: skip
    kept = True
    with TemporaryDirectory() as scratch:
        for draw in pictures:
            figure, verdict = draw(Path(scratch))
            path = folder / f"{draw.__name__}.png"
            figure.savefig(path)
            print(f"{'ok' if verdict.ok else 'NO'}  {path}: {verdict.words}")
            kept &= verdict.ok
    return 0 if kept else 1


def spectrogram(folder: Path) -> tuple[Figure, Verdict]:
    """Beds that come, cross and go; a click would be a line straight up."""
    t = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    rain = _file(folder, "rain", 0.1 * np.random.default_rng(1).standard_normal(len(t)))
    hum = _file(folder, "hum", np.sum([0.05 * np.sin(2 * np.pi * 220 * k * t) for k in (1, 2, 3, 5)], axis=0))
    sweep = _file(folder, "sweep", 0.2 * np.sin(2 * np.pi * (400 * t + 150 * t**2)))
    part_s = 4.8
    acts = ((rain,), (rain, hum), (hum, sweep), (sweep,), (hum,), ())
    told = ("rain comes", "a chord joins it", "rain goes,\na sweep comes", "the chord goes",
            "it crosses the sweep,\nwhose loop has turned round", "all go")  # fmt: skip
    engine, heard = OfflineEngine(), []
    for files in acts:
        engine.apply(_scene(files, fade_s=3.0))
        heard.append(engine.render(round(part_s * SAMPLE_RATE)))
    level_db = _level_db(np.concatenate(heard)[:, 0])
    seconds = part_s * len(acts)
    tonal = level_db[round(len(level_db) * 0.55) :, round(level_db.shape[1] * 2.8 / len(acts)) :]
    click_db = float(tonal.max())
    verdict = Verdict(
        f"while only tones sound, nothing above 13 kHz is louder than {click_db:.0f} dB "
        f"(a click would be; allowed {ALLOWED_CLICK_DB:g})", click_db <= ALLOWED_CLICK_DB,
    )  # fmt: skip
    figure = _figure("Five crossfades of 3 s, and no click: no line goes straight up", verdict)
    axes = figure.subplots()
    image = axes.imshow(level_db, origin="lower", aspect="auto", cmap="magma", vmin=-100, vmax=-10,
                        extent=(0, seconds, 0, SAMPLE_RATE / 2000))  # fmt: skip
    for number, words in enumerate(told):
        axes.axvline(number * part_s, color="white", linewidth=0.8, linestyle=":")
        axes.text(number * part_s + 0.15, 23.2, words, color="white", fontsize=9, va="top")
    axes.set(xlabel="seconds", ylabel="kHz")
    figure.colorbar(image, ax=axes, label="level, dB of full scale", pad=0.01)
    return figure, verdict


def fades(folder: Path) -> tuple[Figure, Verdict]:
    """One bed goes and another comes, beside the exact curves."""
    figure_data = {
        law: (_fade(folder, law, 8.0, rising=True), _fade(folder, law, 8.0, rising=False)) for law, _ in LAWS
    }
    worst_db = max(_off_db(*pair) for pairs in figure_data.values() for pair in pairs)
    verdict = Verdict(f"never further than {worst_db:.0f} dBFS from the exact curve (allowed {ALLOWED_FADE_DB:g})",
                      worst_db <= ALLOWED_FADE_DB)  # fmt: skip
    figure = _figure("A crossfade of 8 s lies on its exact curve from the first frame to the last", verdict)
    for axes, (law, name) in zip(figure.subplots(1, 2, sharey=True), LAWS, strict=True):
        power = np.zeros(1)
        for (rendered, exact), word, colour in zip(figure_data[law], ("comes", "goes"), (BLUE, RED), strict=True):
            seconds = np.arange(len(exact)) / SAMPLE_RATE
            axes.plot(seconds[::400], rendered[::400], color=colour, linewidth=5, alpha=0.35, label=f"{word}: rendered")
            axes.plot(seconds[::400], exact[::400], color=colour, linewidth=1.2, linestyle="--", label=f"{word}: exact")
            power = power + exact**2
        axes.plot(seconds[::400], power[::400], color=GREY, label="power of both")
        axes.set(title=f"{name}, for {'different' if law == 'equal_power' else 'the same'} material", xlabel="seconds")
        axes.grid(color="#e6e2da")
    figure.axes[0].set_ylabel("gain")
    figure.axes[0].legend(loc="center left", fontsize=9, frameon=False)
    return figure, verdict


def fade_error(folder: Path) -> tuple[Figure, Verdict]:
    """How far off, over the length of a fade, for fades of any length."""
    figure_data = {seconds: _fade(folder, "equal_power", seconds, rising=True) for seconds in FADES_S}
    worst_db = max(_off_db(*pair) for pair in figure_data.values())
    verdict = Verdict(f"5 ms to 30 s: the worst frame is {worst_db:.0f} dBFS off (allowed {ALLOWED_FADE_DB:g}; "
                      "SDL_mixer's 128 steps are off by −42)", worst_db <= ALLOWED_FADE_DB)  # fmt: skip
    figure = _figure("How far a fade is from its exact curve: below what 16 bits can say, at any length", verdict)
    axes = figure.subplots()
    for shade, (seconds, (rendered, exact)) in zip(
        np.linspace(0.35, 1, len(FADES_S)), figure_data.items(), strict=True
    ):
        pieces = np.array_split(np.abs(rendered - exact), min(200, len(exact) // 8))
        worst = 20 * np.log10([piece.max() + 1e-9 for piece in pieces])
        name = f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
        axes.plot(np.linspace(0, 100, len(worst)), worst, color=BLUE, alpha=shade, label=name)
    for level_db, words, colour in ((ALLOWED_FADE_DB, "allowed", RED), (-96.3, "one step of 16 bits", GREY),
                                    (-42.0, "one step of SDL_mixer's volume", GREY)):  # fmt: skip
        axes.axhline(level_db, color=colour, linestyle="--")
        axes.text(99, level_db + (-5.5 if colour == RED else 1.5), words, color=colour, ha="right", fontsize=9)
    axes.set(xlabel="% of the fade", ylabel="off, dB of full scale", ylim=(-185, -30))
    axes.legend(title="fade of", loc="center left", fontsize=9, frameon=False, ncols=2)
    return figure, verdict


def limiter(folder: Path) -> tuple[Figure, Verdict]:
    """A quiet tone that jumps up by 18 dB for a fifth of a second."""
    t = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    level = np.where((t > 0.3) & (t < 0.5), 2.4, 0.3)
    tone = _file(folder, "burst", level * np.sin(2 * np.pi * 997 * t), scale=4.0)
    engine = OfflineEngine()
    engine.apply(_scene((tone,), fade_s=0.0))
    out = engine.render(SAMPLE_RATE + LOOKAHEAD)[LOOKAHEAD:, 0].astype(np.float64)
    step = 4.0 / 32768  # the file's own rounding is not the limiter's
    put_in = (np.round(level * np.sin(2 * np.pi * 997 * t) / step) * step * np.sqrt(0.5))[: len(out)]
    peak_db = _true_peak_db(out)
    before = slice(round(0.05 * SAMPLE_RATE), round(0.28 * SAMPLE_RATE))
    untouched_db = 20 * np.log10(np.abs(out[before] - put_in[before]).max() + 1e-9)
    verdict = Verdict(
        f"true peak {peak_db:.2f} dBTP (promised {PROMISED_DBTP:g}); what stays below comes out as it went in, to "
        f"{untouched_db:.0f} dBFS", peak_db <= PROMISED_DBTP and untouched_db <= ALLOWED_FADE_DB,
    )  # fmt: skip
    figure = _figure(
        "The limiter: ready before the peak comes, at its ceiling while it lasts, gone soon after", verdict
    )
    over, under = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    over.plot(t[: len(out)], put_in, color=GREY, linewidth=0.5, label="in")
    over.plot(t[: len(out)], out, color=BLUE, linewidth=0.5, label="out")
    ceiling = 10 ** (PROMISED_DBTP / 20)
    for side in (ceiling, -ceiling):
        over.axhline(side, color=RED, linewidth=1.2)
    over.text(0.746, ceiling + 0.06, f"{PROMISED_DBTP:g} dBTP", color=RED, ha="right", fontsize=9)
    over.set(ylabel="level, 1 = full scale", ylim=(-1.9, 1.9), xlim=(0.25, 0.75))
    legend = over.legend(loc="upper right", fontsize=9, frameon=False, bbox_to_anchor=(1, 0.75))
    for line in legend.get_lines():
        line.set_linewidth(3)
    block = 96
    heard, given = (np.abs(x[: len(x) // block * block]).reshape(-1, block).max(axis=1) for x in (out, put_in))
    under.plot(np.arange(len(heard)) * block / SAMPLE_RATE, 20 * np.log10(heard / given), color=INK)
    under.set(xlabel="seconds", ylabel="turned down\nby, dB", ylim=(-7.5, 0.8))
    under.grid(color="#e6e2da")
    return figure, verdict


def upmix_correlation(_folder: Path) -> tuple[Figure, Verdict]:
    """Mono into eight speakers: how alike any two of them are, and what their sum does to each tone."""
    alike = np.abs(np.corrcoef(_upmixed(np.random.default_rng(3).normal(0, 0.1, 80 * SLAB))[:, SLAB:]))
    others = alike.copy()
    np.fill_diagonal(others, 0)
    others[:2, :2] = 0
    third_hz, sum_db = _summed_db(_upmixed(np.eye(1, 8 * SLAB)[0]))
    heard_db = np.abs(sum_db[(third_hz >= 200) & (third_hz <= 12_000)]).max()
    verdict = Verdict(
        f"no two copies are more alike than {others.max():.2f} (allowed {ALLOWED_LIKENESS}); from 200 Hz to 12 kHz "
        f"their sum stays within {heard_db:.1f} dB of adding by power (allowed {ALLOWED_SUM_DB:g})",
        bool(others.max() <= ALLOWED_LIKENESS and heard_db <= ALLOWED_SUM_DB),
    )
    figure = _figure("One sound from eight speakers that does not comb: every copy has phases of its own", verdict)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    left.imshow(alike, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(alike):
        left.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                  color="white" if value > 0.5 else INK)  # fmt: skip
    numbers = [str(number) for number in range(1, 9)]
    left.set(title="how alike: 1 = the same, 0 = not at all", xlabel="output (1 and 2 are the front, as it is)",
             ylabel="output", xticks=range(8), yticks=range(8), xticklabels=numbers, yticklabels=numbers)  # fmt: skip
    hz = np.geomspace(90, 18_000, 2000)
    right.semilogx(hz, _comb_db(hz), color=GREY, linewidth=1, label="two plain copies, 1 ms apart: a comb")
    right.semilogx(third_hz, sum_db, color=BLUE, marker="o", label="our copies")
    for side in (ALLOWED_SUM_DB, -ALLOWED_SUM_DB):
        right.hlines(side, 200, 12_000, color=RED, linestyle="--")
    right.set(title="all eight heard together, by thirds of an octave", xlabel="Hz", ylabel="dB beside adding by power",
              ylim=(-16, 8), xticks=(100, 1000, 10_000), xticklabels=("100", "1000", "10,000"))  # fmt: skip
    right.grid(color="#e6e2da")
    right.legend(loc="lower left", fontsize=9, frameon=False)
    return figure, verdict


def _figure(title: str, verdict: Verdict) -> Figure:
    figure = Figure(figsize=(12, 6.4), dpi=100, layout="constrained", facecolor="#faf8f4")
    figure.suptitle(f"{title}\n", fontsize=15, color=INK, fontweight="bold", x=0.02, ha="left")
    mark = "✓" if verdict.ok else "✗"
    figure.text(0.02, 0.925, f"{mark} {verdict.words}", fontsize=11.5, color=GREEN if verdict.ok else RED)
    return figure


def _level_db(sound: Sound) -> Sound:
    """(frequency from 0 up, time) in dB of full scale."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 2048)[::512] * np.hanning(2048)
    return 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)).T / 512 + 1e-7)


def _off_db(rendered: Sound, exact: Sound) -> float:
    return float(20 * np.log10(np.abs(rendered - exact).max() + 1e-12))


def _true_peak_db(sound: Sound) -> float:
    """Peak of the sound at eight times the rate."""
    spectrum = np.fft.rfft(sound)
    finer = np.fft.irfft(spectrum, 8 * len(sound)) * 8
    return float(20 * np.log10(np.abs(finer).max()))


def _upmixed(mono: Sound) -> Sound:
    upmix, made = Upmix(8, SLAB), []
    for start in range(0, len(mono), SLAB):
        out = np.zeros((8, SLAB), np.float32)
        upmix.process(np.tile(mono[start : start + SLAB].astype(np.float32), (2, 1)), out)
        made.append(out)
    return np.concatenate(made, axis=1)


def _summed_db(responses: Sound) -> tuple[Sound, Sound]:
    """By thirds of an octave: the power of the sum beside the sum of the powers, the front pair counted as one."""
    spectra = np.fft.rfft(np.concatenate((responses[:1] + responses[1:2], responses[2:])), axis=1)
    together, apart = np.square(np.abs(spectra.sum(axis=0))), np.square(np.abs(spectra)).sum(axis=0)
    hz = np.fft.rfftfreq(responses.shape[1], 1 / SAMPLE_RATE)
    centres = 1000 * 2 ** (np.arange(-10, 13) / 3)
    bands = [(hz >= centre / 2 ** (1 / 6)) & (hz < centre * 2 ** (1 / 6)) for centre in centres]
    return centres, np.array([10 * np.log10(together[band].sum() / apart[band].sum()) for band in bands])


def _comb_db(hz: Sound) -> Sound:
    """What two plain copies 1 ms apart would do."""
    level: Sound = np.abs(1 + np.exp(-2j * np.pi * hz * 0.001)) / np.sqrt(2)
    return 20 * np.log10(level + 1e-2)


def _fade(folder: Path, law: Law, seconds: float, *, rising: bool) -> tuple[Sound, Sound]:
    """(rendered, exact) gains of a fade in or out."""
    steady = _file(folder, "steady", np.full(4 * SAMPLE_RATE, 0.5))
    engine, frames = OfflineEngine(), round(seconds * SAMPLE_RATE)
    layer = Layer(0, SongId("steady"), steady, "soundscape", 0.0, fade_s=seconds if rising else 0.0, law=law)
    engine.apply(Scene((layer,)))
    if not rising:
        engine.render(4 * SLAB)
        engine.apply(Scene(release_s=seconds))
    rendered = engine.render(frames + LOOKAHEAD)[LOOKAHEAD:, 0].astype(np.float64) / (0.5 * np.sqrt(0.5))
    x = np.arange(frames) / frames
    up, down = (np.sin(x * np.pi / 2), np.cos(x * np.pi / 2)) if law == "equal_power" else (x, 1 - x)
    return rendered, up if rising else down


def _file(folder: Path, name: str, samples: Sound, scale: float = 1.0) -> str:
    path = folder / f"{name}.pcm"
    info = PcmInfo(1, len(samples), scale / 32768, -20.0, -1.0, Loop(law="linear"))
    write_pcm(path, [samples.astype(np.float32)[None]], info)
    return str(path)


def _scene(paths: tuple[str, ...], fade_s: float) -> Scene:
    strips = {"rain": 0, "hum": 1, "sweep": 2, "burst": 3}
    layers = (Layer(strips[Path(path).stem], SongId(path), path, "soundscape", 0.0, fade_s=fade_s) for path in paths)
    return Scene(tuple(layers), release_s=fade_s)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures")))
