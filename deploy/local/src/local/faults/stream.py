"""Questions and orders to the stack's nats-server, as the one who may do everything there."""

from collections.abc import Callable
from typing import Any

from local.keyring import TESTER
from local.nats import Nats
from local.nats_wire import Wire

_MAX_DELIVERIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.STEPS"


class Stream:
    """A connection for each question: the server may be another by the next."""

    def __init__(self, server: Callable[[], Nats]) -> None:
        self._server = server

    def ask(self, subject: str, body: object = None) -> dict[str, Any]:
        """The answer of whoever serves the subject. Raises OSError, EOFError or TimeoutError."""
        with Wire.open(self._server(), TESTER) as wire:
            return wire.ask(subject, body, inbox="_INBOX_faults")

    def count(self, stream: str = "STEPS") -> int:
        """How many messages it keeps."""
        return self.ask(f"$JS.API.STREAM.INFO.{stream}")["state"]["messages"]

    def purge(self, stream: str = "STEPS") -> None:
        assert self.ask(f"$JS.API.STREAM.PURGE.{stream}")["success"]

    def give_up(self, platform: str, sequence: int) -> None:
        """Say that this message was delivered too often, as the server itself would."""
        self.ask(f"{_MAX_DELIVERIES}.{platform}", {"stream_seq": sequence, "deliveries": 50})
