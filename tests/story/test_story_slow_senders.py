"""Senders who stall in the middle of a body, more of them than the receiver has threads: it answers all the same."""

import socket
from contextlib import ExitStack

import requests

from story.world import World

STALLED = 20
"""The receiver has 16 threads."""
PATIENCE = 40.0


def test_stalled_senders_keep_the_receiver_from_nobody(world: World) -> None:
    port = world.installation.port
    with ExitStack() as stack:
        for _ in range(STALLED):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            half.sendall(
                b"POST /hooks/bitrix24-1 HTTP/1.1\r\nHost: kasanie\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nevent=ONCRM"
            )
        session = stack.enter_context(requests.Session())
        session.trust_env = False
        assert session.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE).status_code == 200
        assert half.recv(12) == b"HTTP/1.1 404", "and the stalled one is told, once its time is over"
