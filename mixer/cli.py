"""The mixer's own command: the bus for anyone, without a box."""

from __future__ import annotations

from pathlib import Path

import click


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
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{out}: cannot be written ({error.strerror}); choose another file") from error
    limited = f", the limiter at work for {status.limiter_s:.1f} s" if status.limiter_s else ""
    click.echo(f"{out}: {status.channels} channels{limited}")
