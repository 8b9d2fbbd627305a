"""`cosound sync`: the process; `now`: one round by hand; `log`: what waits; `claim`: the box's first token."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.config import Config, load_config
from appliance.errors import CosoundError, SetupError
from appliance.store import Store, open_store


@click.group(invoke_without_command=True)
@click.pass_context
def sync(ctx: click.Context) -> None:
    """Keep the box and the cloud the same: run the sync process, or look at it."""
    if ctx.invoked_subcommand is None:
        _run()


@sync.command()
def now() -> None:
    """Push, pull and ask for the queue once, and say what happened."""
    from sync.door import why_no_door
    from sync.round import one_round

    config = load_config()
    if why := why_no_door(config):
        raise SetupError(f"there is nobody to talk to: {why}; set DJANGO_API_URL, or SUPABASE_URL, and PLAYER_TOKEN")
    store = _open(config, "sync-now")
    failed = False
    try:
        for line, error in one_round(store, config):
            failed |= error is not None
            click.echo(line if error is None else f"{line}: {error}")
    finally:
        store.close()
    if failed:
        raise CosoundError("not everything went through; the sync process goes on trying")


@sync.command()
def log() -> None:
    """Facts that wait for the cloud, and those it refused."""
    from sync.log import log_lines

    store = _open(load_config(), "sync-log")
    try:
        click.echo("\n".join(log_lines(store)))
    finally:
        store.close()


@sync.command()
@click.option("--url", help="Address of the cloud.  [default: cloud.url]")
@click.option(
    "--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="Where the token is kept.  "
    "[default: /etc/credstore/cosound.player-token]",
)  # fmt: skip
def claim(url: str | None, target: Path | None) -> None:
    """Get this box's token for the code that staff read out (Rooms → new code), once and within ten minutes."""
    import httpx

    from sync.claim import TIMEOUT_S, TOKEN_FILE
    from sync.claim import claim as exchange

    address = url or load_config().cloud_url
    if not address:
        raise SetupError("which cloud? give --url https://…, or set cloud.url")
    code = str(click.prompt("Code", err=True))
    with httpx.Client(base_url=address, timeout=TIMEOUT_S) as http:
        room = exchange(http, code, target or TOKEN_FILE)
    click.echo(f"this box is “{room}” now: sudo systemctl restart cosound-sync")


def _run() -> None:
    from appliance.process import Stop, name_process, only_one, set_up_logging
    from sync.agent import run_agent

    config = load_config()
    name_process("sync")
    set_up_logging()
    stop = Stop().on_signals()
    with only_one("sync", config.box_data_dir):
        run_agent(config, stop)


def _open(config: Config, name: str) -> Store:
    return open_store(config.box_data_dir, config.box_runtime_dir, name)
