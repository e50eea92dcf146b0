"""kill -9 of a worker with steps in hand, while another one stands by: all peers and ours at the same time, since they
mostly wait. Each has an engine of its own."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from bench.floor.ground import Ground, Turn
from bench.peers.crew import Crew, open_engine
from bench.peers.journal import Aftermath, has_steps, judge, read
from bench.peers.peer import Peer
from bench.row import BenchError
from bench.steps.measure import start_worker
from bench.worker_log import performed
from local.child import wait_until
from local.process import Supervisor
from local.stack import COMMANDS

_AT_WORK_S: Final = 40.0
_POLL_S: Final = 0.1
_KILLED, _STANDBY = "killed", "standby"


@dataclass(frozen=True, slots=True)
class Wreck:
    """How much there is to do, and after how long a step that has not come back counts as lost."""

    jobs: int = 8
    steps: int = 20
    step_s: float = 0.25
    own_jobs: int = 12
    cap_s: float = 60.0


def crash_all(
    peers: Sequence[Peer], ground: Ground, root: Path, wreck: Wreck
) -> tuple[Aftermath, dict[str, Aftermath]]:
    """Ours, and of each peer by its name. Raises BenchError."""
    with ExitStack() as stack:
        turn = stack.enter_context(ground.turn())
        crews = {peer.name: _crew(peer, ground, root, wreck, stack) for peer in peers}
        killed = {name: kill_peer(crew, wreck, stack) for name, crew in crews.items()}
        own = stack.enter_context(Supervisor())
        own_killed = _kill_ours(turn, own, wreck)
        deadline = max((own_killed, *killed.values())) + wreck.cap_s
        wait_until(lambda: _is_over(turn, wreck, crews), deadline - time.time())
        return _judge_ours(turn, own, own_killed, wreck), _judge_peers(crews, killed, wreck)


def _crew(peer: Peer, ground: Ground, root: Path, wreck: Wreck, stack: ExitStack) -> Crew:
    folder = ground.folder / f"crash-{peer.name}"
    engine = stack.enter_context(open_engine(peer, ground.postgres, root, folder))
    given = {
        "PEER_ENGINE": engine,
        "PEER_JOURNAL": str(folder / "journal"),
        "PEER_STEPS": str(wreck.steps),
        "PEER_STEP_S": str(wreck.step_s),
        "PEER_JOBS": str(wreck.jobs // 2),
    }
    return Crew(peer, root, folder, given)


def kill_peer(crew: Crew, wreck: Wreck, stack: ExitStack) -> float:
    """When it was killed, by the clock of the machine."""
    supervisor = stack.enter_context(Supervisor())
    crew.do("prep")
    victim = crew.start_worker(supervisor, _KILLED)
    crew.start_worker(supervisor, _STANDBY)
    crew.do("enqueue", str(wreck.jobs))
    journal = Path(crew.given["PEER_JOURNAL"])
    if not wait_until(lambda: has_steps(read(journal), _KILLED), _AT_WORK_S):
        raise BenchError(f"{crew.peer.name}: the worker that is to be killed did not get to work")
    victim.kill()
    at = time.time()
    if crew.peer.is_restarted:
        crew.start_worker(supervisor, _KILLED)
    return at


def _kill_ours(turn: Turn, supervisor: Supervisor, wreck: Wreck) -> float:
    start_worker(turn, supervisor)
    turn.start_worker(supervisor, _STANDBY, [str(COMMANDS / "tiktok")])
    turn.publish_first(turn.ground.jobs[: wreck.own_jobs])
    if not wait_until(lambda: turn.done() > 2 * wreck.own_jobs, _AT_WORK_S):
        raise BenchError("our worker that is to be killed did not get to work")
    supervisor.child("tiktok").kill()
    return time.time()


def _is_over(turn: Turn, wreck: Wreck, crews: Mapping[str, Crew]) -> bool:
    time.sleep(_POLL_S)
    last = {(job, wreck.steps - 1) for job in range(wreck.jobs)}
    journals = [read(Path(crew.given["PEER_JOURNAL"])) for crew in crews.values()]
    return all(last <= {line.place for line in lines if line.what == "end"} for lines in journals) and not _open(
        turn, wreck
    )


def _open(turn: Turn, wreck: Wreck) -> int:
    """How many of our jobs have not ended."""
    with psycopg.connect(turn.ground.postgres.database_url(turn.database)) as connection:
        row = connection.execute("select count(*) from jobs where ended_at is not null").fetchone()
    assert row is not None
    return wreck.own_jobs - int(row[0])


def _judge_peers(crews: Mapping[str, Crew], killed: Mapping[str, float], wreck: Wreck) -> dict[str, Aftermath]:
    return {
        name: judge(read(Path(crew.given["PEER_JOURNAL"])), _KILLED, killed[name], wreck.jobs, wreck.steps)
        for name, crew in crews.items()
    }


def _judge_ours(turn: Turn, supervisor: Supervisor, killed_at: float, wreck: Wreck) -> Aftermath:
    """By the log of the one that stood by: what was delivered again was in the hand of the killed."""
    begun = {
        (one.fact["search_id"], one.fact["step"]): one.began_at
        for one in performed(supervisor.child(_STANDBY).log)
        if one.fact["deliveries"] > 1 and one.fact["answer"] == "ack"
    }
    if not begun:
        raise BenchError("our worker had nothing in hand when it was killed")
    return Aftermath(
        in_hand=len(begun),
        recovered_s=max(begun.values()) - killed_at,
        lost=_open(turn, wreck),
        again=len(begun),
        twice=None,
    )
