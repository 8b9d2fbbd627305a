from __future__ import annotations

import socket
from pathlib import Path

from appliance.demo.ports import free_port


def test_a_port_is_free_and_none_that_a_client_could_be_given() -> None:
    clients_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 1 and max(ports) < clients_from
    with socket.create_server(("127.0.0.1", ports.pop())) as server:
        assert server.getsockname()[0] == "127.0.0.1"
