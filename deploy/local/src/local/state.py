"""What a running stack leaves in its folder, so that `local token` finds it and `local down` can end it.

A process is named by its pid, its start and the boot of the machine: a later process with the same pid is another.
"""

import json
import os
import signal
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.child import STOP_GRACE_S, Child, start_ticks, wait_until

# A supervisor stops its stages one after the other.
_SUPERVISOR_GRACE_S = 4 * STOP_GRACE_S


@dataclass(frozen=True, slots=True)
class Process:
    name: str
    pid: int
    started_at: int | None

    @classmethod
    def of(cls, child: Child) -> "Process":
        return cls(child.name, child.pid, child.started_at)

    @classmethod
    def this(cls) -> "Process":
        return cls("local", os.getpid(), start_ticks(os.getpid()))

    @property
    def is_alive(self) -> bool:
        return self.started_at is not None and start_ticks(self.pid) == self.started_at

    def end(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL after the grace; nothing if it is gone or the pid is another's."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGTERM)
        if not wait_until(lambda: not self.is_alive, grace_s):
            os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class State:
    supervisor: Process
    parts: tuple[Process, ...] = ()
    urls: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_alive(self) -> bool:
        return self.supervisor.is_alive

    def write(self, folder: Path) -> None:
        """For our eyes only: the URLs hold the database's password."""
        folder.mkdir(parents=True, exist_ok=True)
        path = _path(folder)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps({"boot": _boot(), **asdict(self)}))

    def end(self) -> None:
        """End the supervisor, which stops its parts; then any part that is left, the last first."""
        self.supervisor.end(_SUPERVISOR_GRACE_S)
        for part in reversed(self.parts):
            part.end(STOP_GRACE_S)


def read_state(folder: Path) -> State | None:
    """The state of the stack that runs, or ran last and did not tidy up, from this folder since the machine started."""
    path = _path(folder)
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    if content["boot"] != _boot():
        return None
    parts = tuple(Process(**part) for part in content["parts"])
    return State(Process(**content["supervisor"]), parts, content["urls"])


def remove_state(folder: Path) -> None:
    _path(folder).unlink(missing_ok=True)


def _path(folder: Path) -> Path:
    return folder / "state.json"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
