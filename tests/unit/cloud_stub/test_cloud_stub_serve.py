from __future__ import annotations

import socket

import pytest

from cloud_stub.errors import SetupError
from cloud_stub.serve import STUCK_S, bind


def test_a_connection_whose_other_end_stands_still_is_cut_off_by_the_kernel() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()[:2]):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == STUCK_S * 1000


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", None), ("192.0.2.1", 0)])
def test_an_address_that_cannot_be_had_is_named(host: str, port: int | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SetupError) as refused:
        bind(host, taken.getsockname()[1] if port is None else port)
    assert "\n" not in str(refused.value)
    assert host in str(refused.value)
