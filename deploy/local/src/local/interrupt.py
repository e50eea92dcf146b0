"""Ctrl-C, SIGTERM and a closed terminal, as one exception that passes through every `finally`."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody wants us to stop. Not an Exception, so that nothing on the way mistakes it for a failure."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(signal.Signals(number).name)


@contextmanager
def interruptible() -> Generator[None]:
    """Raise Interrupted in the main thread at the signals that ask to stop."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted(number)

    before = [signal.signal(number, interrupt) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)
