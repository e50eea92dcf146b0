"""Ends what a supervisor started, should it be killed without a chance to do so itself.

The kernel's death signal reaches a supervisor's children but not theirs. This process outlives its supervisor by a
moment: it reads from a pipe what was started (`+pid start`) and what has ended (`-pid`); when the pipe closes, it kills
what is left of those process groups, and ends. Run by local.process as `python -m local.undertaker`.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress

from local.child import Child, group_members, plain_environment, start_ticks, wait_until

# Postgres, told by the kernel to quit, needs a moment to end its backends.
_GRACE_S = 5.0
_GO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Undertaker:
    """The supervisor's end of the pipe."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "local.undertaker"],
            env=plain_environment(),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def watch(self, child: Child) -> None:
        self._tell(f"+{child.pid} {child.started_at}")

    def forget(self, child: Child) -> None:
        self._tell(f"-{child.pid}")

    def close(self) -> None:
        """Let it end what is left (nothing, after an orderly stop) and wait for it."""
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):
            self._popen.stdin.close()
        self._popen.wait()

    def _tell(self, line: str) -> None:
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):
            self._popen.stdin.write(f"{line}\n".encode())
            self._popen.stdin.flush()


def main() -> None:
    for number in _GO:
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, int | None] = {}
    for line in sys.stdin:
        pid, _, ticks = line[1:].strip().partition(" ")
        if line.startswith("+"):
            watched[int(pid)] = int(ticks) if ticks.isdigit() else None
        else:
            watched.pop(int(pid), None)
    for pid, ticks in reversed(watched.items()):
        _bury(pid, ticks)


def _bury(pid: int, ticks: int | None) -> None:
    wait_until(lambda: start_ticks(pid) is None, _GRACE_S)
    if start_ticks(pid) not in (ticks, None):
        return
    for member in group_members(pid):
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


if __name__ == "__main__":
    main()
