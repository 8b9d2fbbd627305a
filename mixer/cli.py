"""The mixer's own command: the bus for anyone, without a box."""

from __future__ import annotations

from pathlib import Path

import click


class Refused(click.ClickException):
    exit_code = 2  # as every command that was asked for what cannot be


@click.command()
@click.argument("timeline", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def render(timeline: Path, out: Path) -> None:
    """Render the piece described in TIMELINE (JSON, see docs/sound.md) to the WAV file OUT."""
    from mixer.pcm import PcmError
    from mixer.render import render_timeline
    from mixer.timeline import TimelineError, read_timeline

    try:
        status = render_timeline(read_timeline(timeline), out)
    except (TimelineError, PcmError) as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"{out}: cannot be written ({error.strerror}); choose another file") from error
    limited = f", the limiter at work for {status.limiter_s:.1f} s" if status.limiter_s else ""
    click.echo(f"{out}: {status.channels} channels{limited}")
