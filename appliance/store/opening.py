"""Opening the box's database, and making it sound first when there is reason to doubt it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appliance.bell import Bell
from appliance.errors import SetupError, StoreDamaged, TransientError
from appliance.store import snapshot
from appliance.store.checkup import find_damage, was_left_open
from appliance.store.database import Database
from appliance.store.rescue import finish, rescue
from appliance.store.tenancy import Tenancy


def open_database(path: Path, bell: Bell | None = None) -> Database:
    """Open the file; what is damaged is rescued first, by whoever comes first.

    Raises SetupError when it cannot be opened, TransientError when it is damaged and cannot be rescued now.
    """
    tenancy = Tenancy(path)
    try:
        _make_sound(path, tenancy)
        try:
            return Database(path, bell, tenancy)
        except (StoreDamaged, UnicodeDecodeError):
            tenancy.doubt()
            _make_sound(path, tenancy)
            return Database(path, bell, tenancy)
    except BaseException:
        tenancy.leave()
        raise


def _make_sound(path: Path, tenancy: Tenancy) -> None:
    """Look at the file if it is in doubt, alone with it; those who came meanwhile wait until we share it."""
    if tenancy.is_doubted():
        if tenancy.wait_alone():
            _examine(path, tenancy, thorough=True)
    elif tenancy.try_alone():
        _examine(path, tenancy, thorough=False)
    tenancy.share()


def _examine(path: Path, tenancy: Tenancy, *, thorough: bool) -> None:
    finish(path)
    damage = None
    if (thorough and tenancy.is_doubted()) or was_left_open(path):
        damage = find_damage(path, thorough=thorough)
    if damage is None and _is_lost(path):
        damage = "it is gone or empty"
    if damage is not None:
        _rescue(path, damage)
    tenancy.settle()


def _rescue(path: Path, damage: str) -> None:
    path.touch()
    try:
        rescue(path, damage)
    except (OSError, sqlite3.Error, SetupError, TransientError) as error:
        raise TransientError(f"{path} is damaged ({damage}) and cannot be rescued now: {error}") from error


def _is_lost(path: Path) -> bool:
    """No database, or an empty one, where there has been one."""
    return (not path.exists() or path.stat().st_size == 0) and path.with_name(snapshot.NAME).exists()
