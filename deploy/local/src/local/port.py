"""Free TCP ports on loopback."""

import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below the kernel's range for outgoing connections, so that none of those takes the port before its server does.
_FIRST, _LAST = 20_000, 32_000
_TRIES_MAX = 500


def free_port(*preferred: int) -> int:
    """A port that nobody listens on: the first preferred one that is free, else one that nobody was given lately."""
    for port in preferred:
        if is_free(port):
            return port
    for _ in range(_TRIES_MAX):
        if is_free(port := _next_port()):
            return port
    message = f"no free port on {LOOPBACK} between {_FIRST} and {_LAST}"
    raise OSError(message)


def _next_port() -> int:
    """One further than the last that a process of this user was given.

    A port is free until its server binds it, a second later. By chance two stacks that start side by side would now
    and then be given the same.
    """
    count = _LAST - _FIRST
    with open(Path(tempfile.gettempdir()) / f"creatorscout-port-{os.getuid()}", "a+b") as last:
        fcntl.flock(last, fcntl.LOCK_EX)
        last.seek(0)
        text = last.read()
        number = (int(text) + 1 if text.isdigit() else secrets.randbelow(count)) % count
        last.truncate(0)
        last.write(str(number).encode())
    return _FIRST + number


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: without it a port whose last connection closed a moment ago counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
