"""NATS by hand: a request and its answer over a plain socket, so that the suite needs no event loop."""

import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

_TIMEOUT_S = 5.0
_MAX_DELIVERIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.STEPS"


class Stream:
    """Questions and orders to a running nats-server with JetStream."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    def ask(self, subject: str, body: object = None) -> dict[str, Any]:
        """The answer of whoever serves the subject. Raises OSError or TimeoutError."""
        address = urlsplit(self._url())
        inbox = f"_INBOX_faults.{uuid4().hex}"
        payload = b"" if body is None else json.dumps(body).encode()
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=_TIMEOUT_S) as connection:
            connection.sendall(b'CONNECT {"verbose":false,"name":"faults"}\r\n')
            connection.sendall(
                f"SUB {inbox} 1\r\nPUB {subject} {inbox} {len(payload)}\r\n".encode() + payload + b"\r\n"
            )
            with connection.makefile("rb") as lines:
                for line in lines:
                    if line.startswith(b"MSG "):
                        answer: dict[str, Any] = json.loads(lines.read(int(line.split()[-1])))
                        return answer
                    if line.startswith(b"PING"):
                        connection.sendall(b"PONG\r\n")
                    elif line.startswith(b"-ERR"):
                        raise OSError(line.decode())
        raise TimeoutError(subject)

    def count(self, stream: str = "STEPS") -> int:
        """How many messages it keeps."""
        return self.ask(f"$JS.API.STREAM.INFO.{stream}")["state"]["messages"]

    def purge(self, stream: str = "STEPS") -> None:
        assert self.ask(f"$JS.API.STREAM.PURGE.{stream}")["success"]

    def give_up(self, platform: str, sequence: int) -> None:
        """Say that this message was delivered too often, as the server itself would."""
        self.ask(f"{_MAX_DELIVERIES}.{platform}", {"stream_seq": sequence, "deliveries": 50})
