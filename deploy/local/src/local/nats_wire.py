"""NATS by hand: the protocol over a socket, line by line. It sees every denial, and the suites need no event loop."""

import json
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from common.messaging.nkey import read_nkey
from local.nats import Nats
from local.port import LOOPBACK

TIMEOUT_S = 5.0


class Refused(Exception):  # noqa: N818 - what the server answered, not a fault
    """The server let us not in."""


class Wire:
    """A connection; as a context manager it is closed at the end. What arrives is kept until it is asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self.errors: list[str] = []
        self.messages: list[bytes] = []

    @classmethod
    def open(cls, server: Nats, name: str) -> Self:
        """Connect as this identity. Raises Refused."""
        assert server.keyring is not None
        wire = cls(greet(server.port, server.keyring.ca_file))
        wire.sign_on(server.keyring.seed_file(name))
        return wire

    def sign_on(self, seed_file: Path | None = None, **changes: object) -> None:
        """Say who we are, as the seed proves it; `changes` are made to that. Raises Refused."""
        info = json.loads(self._reader.readline().removeprefix(b"INFO "))
        options: dict[str, object] = {
            "verbose": False,
            "pedantic": False,
            "protocol": 1,
            "headers": True,
            "no_responders": True,
        }
        if seed_file is not None:
            nkey = read_nkey(str(seed_file))
            options |= {"nkey": nkey.public, "sig": nkey.sign(info["nonce"]).decode()}
        self.send(f"CONNECT {json.dumps(options | changes)}")
        try:
            self.settle()
        except (OSError, EOFError) as error:
            raise Refused(*self.errors) from error

    def send(self, *lines: str) -> None:
        self._connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def publish(self, subject: str, body: bytes = b"", reply: str = "") -> None:
        self._connection.sendall(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")

    def settle(self) -> None:
        """Wait until the server has seen to all that was sent."""
        self.send("PING")
        while self._hear() != "PONG":
            pass

    def drain_errors(self) -> list[str]:
        """What the server complained about since the last time."""
        told, self.errors = self.errors, []
        return told

    def ask(self, subject: str, body: object = None, *, inbox: str) -> dict[str, Any]:
        """The answer of whoever serves the subject. Raises OSError, also when nobody does, EOFError or TimeoutError."""
        reply = f"{inbox}.{uuid4().hex}"
        payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send(f"SUB {reply} 1")
        self.publish(subject, payload, reply)
        self.messages.clear()
        while not self.messages:
            self._hear()
            if self.errors:
                raise OSError(self.errors[-1])
        self.send("UNSUB 1")
        if self.messages[0].startswith(b"NATS/1.0 503"):
            raise OSError(f"nobody serves {subject}")
        return json.loads(self.messages[0].rpartition(b"\r\n\r\n")[2])

    def close(self) -> None:
        self._reader.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _hear(self) -> str:
        line = self._reader.readline().decode()
        if not line:
            raise EOFError(*self.errors)
        verb = line.split()[0]
        match verb:
            case "PING":
                self.send("PONG")
            case "-ERR":
                self.errors.append(line.split(maxsplit=1)[1].strip().strip("'"))
            case "MSG" | "HMSG":
                self.messages.append(self._reader.read(int(line.split()[-1])))
                self._reader.readline()
            case _:
                pass
        return verb


def greet(port: int, ca_file: Path) -> ssl.SSLSocket:
    """A connection with TLS from the first byte, to whom the authority vouches for."""
    connection = socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_S)
    return ssl.create_default_context(cafile=ca_file).wrap_socket(connection, server_hostname=LOOPBACK)
