"""`cosound nfc` and `cosound tap`."""

from __future__ import annotations

import os
import sys
import time
from functools import partial

import click

from appliance.clock import SystemClock
from appliance.config import Config, load_config
from appliance.errors import TransientError
from appliance.model import TapResult
from appliance.process import Stop, main, name_process, only_one, run, set_up_logging
from appliance.runtime import Runtime
from appliance.store import open_store
from appliance.tapline import send_tap
from checkin import detect
from checkin.agent import Agent
from checkin.card import DEMO_CARD, parse_uid, say
from checkin.choose import drivers_of
from checkin.closing import closing_s
from checkin.pepper import pepper_of

RESULT_WITHIN_S = 2.0


@click.group(invoke_without_command=True)
@click.pass_context
def nfc(context: click.Context) -> None:
    """The reader process: cards and phones become taps."""
    if context.invoked_subcommand is None:
        sys.exit(main(_run))


@nfc.command("list")
def list_readers() -> None:
    """Show what is plugged in that could be a reader."""
    found = detect.candidates()
    for one in found:
        click.echo(f"{one.setting}  ({one.what})")
    if not found:
        click.echo("nothing plugged in looks like a reader; `cosound tap` works without one")
    for module in detect.thieves():
        click.echo(f"kernel module {module} is loaded and takes USB readers: sudo modprobe -r {module}")


@click.command()
@click.argument("uid", default=DEMO_CARD.hex(), metavar="[UID_HEX]")
def tap(uid: str) -> None:
    """Tap in (or out) without a reader, as the card with this number."""
    sys.exit(main(_tap, uid))


def _run() -> None:
    set_up_logging()
    config = load_config()
    name_process("nfc")
    with only_one("nfc", config.box_data_dir):
        store = open_store(config.box_data_dir, config.box_runtime_dir, "nfc")
        try:
            _serve(
                Agent(
                    store,
                    Runtime(config.box_runtime_dir),
                    pepper_of(config.pepper, config.box_data_dir),
                    drivers_of(config),
                    closing_s=partial(_closing_s, config),
                )
            )
        finally:
            store.close()


def _serve(agent: Agent) -> None:
    def step() -> None:
        agent.step()

    stop = Stop().on_signals()
    agent.start()
    try:
        run("nfc", step, stop)
    finally:
        agent.stop()


def _closing_s(config: Config) -> float | None:
    clock = SystemClock()
    return closing_s(config.room_closes, boot_s=clock.boot_s(), wall_s=clock.wall_s())


def _tap(uid: str) -> None:
    number = parse_uid(uid)
    config = load_config()
    tap_id = send_tap(config.box_runtime_dir, number)
    result = _committed(config, tap_id)
    if result is None:
        raise TransientError(f"the tap was sent but not stored within {RESULT_WITHIN_S:g} s; see `cosound status`")
    click.echo(say(result))


def _committed(config: Config, tap_id: str) -> TapResult | None:
    """What the reader process stored for this tap, None when it did not in time."""
    store = open_store(config.box_data_dir, config.box_runtime_dir, f"tap.{os.getpid()}")
    deadline_s = time.monotonic() + RESULT_WITHIN_S
    try:
        while (result := store.people.tap_result(tap_id)) is None and time.monotonic() < deadline_s:
            store.wait(deadline_s - time.monotonic())
        return result
    finally:
        store.close()
