"""Steps per second: a hundred jobs at once, one process, everything on the machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg

from bench.floor.ground import Ground, Turn
from bench.row import BenchError
from common.worker.service import POOL_MAX
from local.child import wait_until
from local.process import Supervisor
from local.stack import COMMANDS
from local.usage import family_cpu_s

CONNECTIONS: Final = POOL_MAX
_BEGIN_MAX_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """`busy` are processor seconds for each step, by who used them."""

    per_s: float
    busy: dict[str, float]


@dataclass(frozen=True, slots=True)
class Window:
    """When it is counted: from `after_s` after the first step was done, for `lasts_s`."""

    after_s: float = 0.5
    lasts_s: float = 3.0


def publish_first(turn: Turn) -> None:
    """Begin with the first step of each job, as our stream has it."""
    turn.publish_first(turn.ground.jobs)


def measure(
    ground: Ground,
    start: Callable[[Turn, Supervisor], None],
    name: str,
    window: Window,
    begin: Callable[[Turn], None] = publish_first,
) -> Pace:
    """The pace of what `start` starts under this name and `begin` gives its first steps, on a fresh copy of the
    database. Raises BenchError."""
    with ground.turn() as turn:
        with Supervisor() as supervisor:
            start(turn, supervisor)
            begin(turn)
            if not wait_until(lambda: turn.done() > 0, _BEGIN_MAX_S):
                raise BenchError(f"{name} did no step within {_BEGIN_MAX_S:.0f} s")
            time.sleep(window.after_s)
            pids = {"process": supervisor.child(name).pid, "Postgres": ground.postgres.pid, "NATS": ground.nats.pid}
            before = {who: family_cpu_s(pid) for who, pid in pids.items()}
            time.sleep(window.lasts_s)
            used = {who: family_cpu_s(pid) - before[who] for who, pid in pids.items()}
            supervisor.check()
        count = _count(turn, window)
    if not count:
        raise BenchError(f"{name} stood still")
    return Pace(count / window.lasts_s, {who: seconds / count for who, seconds in used.items()})


def start_worker(turn: Turn, supervisor: Supervisor) -> None:
    """Ours, as it is deployed."""
    turn.start_worker(supervisor, "tiktok", [str(COMMANDS / "tiktok")])


def start_floor(turn: Turn, supervisor: Supervisor) -> None:
    turn.start_floor(supervisor, CONNECTIONS)


def start_floor_with_http(turn: Turn, supervisor: Supervisor) -> None:
    """The floor that also makes our two HTTP calls a step."""
    turn.start_floor(supervisor, CONNECTIONS, has_http=True)


def _count(turn: Turn, window: Window) -> int:
    begin, lasts = timedelta(seconds=window.after_s), timedelta(seconds=window.lasts_s)
    with psycopg.connect(turn.ground.postgres.database_url(turn.database)) as connection:
        row: Any = connection.execute(
            """select count(*) from steps, (select min(done_at) + %s as at from steps) began
               where phase = 'done' and done_at >= began.at and done_at < began.at + %s""",
            [begin, lasts],
        ).fetchone()
    return int(row[0])
