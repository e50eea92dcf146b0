"""One process that we started: its own group, its output in a file, and no life beyond ours.

A child is the leader of a process group of its own, so Ctrl-C reaches only us and we end the whole group. The kernel
signals it when we die, even by SIGKILL. It is reaped only after its group was ended: until then its pid cannot belong
to anybody else, and nothing is ever signalled that we did not start. Linux only.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_GRACE_S = 25.0
LAST_LINES = 20
_POLL_S = 0.02
_TAIL_BYTES = 64 * 1024
_PR_SET_PDEATHSIG = 1
_STRAYS_GRACE_S = 5.0

_libc = ctypes.CDLL(None, use_errno=True)


class ProcessError(Exception):
    """A process of the local stack did not do what it must: which one, what happened, its last log lines."""

    def __init__(self, name: str, reason: str, lines: Sequence[str] = ()) -> None:
        self.name = name
        self.reason = reason
        self.lines = tuple(lines)
        super().__init__("\n".join([f"{name}: {reason}", *(f"  | {line}" for line in self.lines)]))


@dataclass(frozen=True, slots=True)
class Command:
    """What to start. `environment` is the whole environment, nothing is inherited."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends the child when we die."""


class Child:
    """A running process; made by `Child.start`, ended by `stop` or `kill`, both safe to repeat."""

    def __init__(self, command: Command, popen: subprocess.Popen[bytes]) -> None:
        self._command = command
        self._popen = popen
        self.started_at = start_ticks(popen.pid)

    @classmethod
    def start(cls, command: Command) -> "Child":
        """Start it; from a thread that outlives it, since the kernel ties the death signal to the starting thread."""
        command.log.parent.mkdir(parents=True, exist_ok=True)
        with command.log.open("ab") as log, _held_signals() as mask:
            popen = subprocess.Popen(
                command.argv,
                env=dict(command.environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=_leash(command.death_signal, mask),  # noqa: PLW1509 - one system call, the library is loaded already
            )
        return cls(command, popen)

    @property
    def name(self) -> str:
        return self._command.name

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def log(self) -> Path:
        return self._command.log

    @property
    def exit_code(self) -> int | None:
        """None while it runs, minus the signal's number when one ended it. Looks without reaping."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return None
        return seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status

    @property
    def is_running(self) -> bool:
        return self.exit_code is None

    def signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def request_stop(self) -> None:
        """Ask it to end, without waiting."""
        self.signal(self._command.stop_signal)

    def await_exit(self, timeout_s: float) -> bool:
        """Whether it ended within the time."""
        return wait_until(lambda: not self.is_running, timeout_s)

    def stop(self, grace_s: float = STOP_GRACE_S) -> int:
        """Ask it to end, wait, then kill what is left of its group. Returns the exit code."""
        self.request_stop()
        self.await_exit(grace_s)
        return self.kill()

    def kill(self) -> int:
        """End it and everything that it started, at once. Returns the exit code."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        strays = [(pid, start_ticks(pid)) for pid in descendants(self.pid)]
        os.killpg(self.pid, signal.SIGKILL)
        code = self._popen.wait()
        for pid, ticks in strays:
            end_stray(pid, ticks)
        return code

    def last_lines(self, count: int = LAST_LINES) -> list[str]:
        return last_lines(self.log, count)

    def failure(self, reason: str) -> ProcessError:
        return ProcessError(self.name, reason, self.last_lines())


def plain_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment for a program that needs none of ours."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **(extra or {})}


def wait_until(is_done: Callable[[], bool], timeout_s: float, poll_s: float = _POLL_S) -> bool:
    """Look again and again until it is done (True) or the time is over (False)."""
    deadline = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll_s)
    return True


def last_lines(path: Path, count: int = LAST_LINES) -> list[str]:
    """The end of a log file; empty if there is none."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-count:]


def start_ticks(pid: int) -> int | None:
    """When a process started, in the kernel's ticks since boot; None if there is none or it is only a zombie.

    Together with the pid it names a process for good: a later one with the same pid has another start.
    """
    fields = read_stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def descendants(pid: int) -> list[int]:
    """Everything below a process, by parent links; also what left its process group (Postgres's backends do)."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := read_stat(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(below)
    return found


def group_members(group: int) -> list[int]:
    """The processes of a process group of our own session."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        fields = read_stat(int(entry.name)) if entry.name.isdigit() else None
        if fields is not None and int(fields[2]) == group and int(fields[3]) == os.getsid(0):
            found.append(int(entry.name))
    return found


def end_stray(pid: int, ticks: int | None) -> None:
    """Wait a little for a process to end by itself, then kill it; does nothing if the pid is another's by now."""
    if ticks is None or wait_until(lambda: start_ticks(pid) != ticks, _STRAYS_GRACE_S):
        return
    os.kill(pid, signal.SIGKILL)


def read_stat(pid: int) -> list[str] | None:
    """/proc/<pid>/stat from the state on: [0] state, [1] parent, [2] group, [3] session, [11] user and [12] system
    time, [13] and [14] those of children that were waited for, all in ticks, [19] start; None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


@contextmanager
def _held_signals() -> Generator[set[int]]:
    """Let who wants us to stop wait until the fork is over: what a handler raises inside it, Python swallows."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield {int(number) for number in before}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leash(death_signal: signal.Signals, mask: set[int]) -> Callable[[], None]:
    parent = os.getpid()

    def leash() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            os._exit(1)

    return leash
