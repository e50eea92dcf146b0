"""Free TCP ports on loopback."""

import secrets
import socket

LOOPBACK = "127.0.0.1"
# Below the kernel's range for outgoing connections, so that none of those takes the port before its server does.
_FIRST, _LAST = 20_000, 32_000
_TRIES_MAX = 500


def free_port(*preferred: int) -> int:
    """A port that nobody listens on: the first preferred one that is free, else one by chance."""
    for port in preferred:
        if is_free(port):
            return port
    for _ in range(_TRIES_MAX):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            return port
    message = f"no free port on {LOOPBACK} between {_FIRST} and {_LAST}"
    raise OSError(message)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: without it a port whose last connection closed a moment ago counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
