"""Steps per second of a peer's worker process: our steps, on our schema."""

from pathlib import Path
from typing import Final

from bench.floor.ground import Ground, Scale, Turn
from bench.peers.crew import Crew, open_engine
from bench.peers.peer import Peer
from bench.row import BenchError
from bench.steps.measure import Pace, Window, measure
from local.child import wait_until
from local.process import Supervisor

_READY_S: Final = 40.0


def measure_peer(peer: Peer, ground: Ground, root: Path, scale: Scale, window: Window) -> Pace:
    """Of what it does with all jobs at once. Raises BenchError."""
    folder = ground.folder / f"rate-{peer.name}"
    ready = folder / "ready"
    with open_engine(peer, ground.postgres, root, folder) as engine:

        def crew(turn: Turn) -> Crew:
            given = {
                "PEER_ENGINE": engine,
                "PEER_DATABASE": turn.database_url,
                "PEER_TAPES": str(ground.tapes_file),
                "PEER_READY": str(ready),
                "PEER_STEPS": str(scale.steps),
            }
            return Crew(peer, root, folder, given)

        def start(turn: Turn, supervisor: Supervisor) -> None:
            crew(turn).do("prep")
            crew(turn).start_worker(supervisor)
            if not wait_until(ready.exists, _READY_S):
                supervisor.check()
                raise BenchError(f"{peer.name} was not ready within {_READY_S:.0f} s")
            ready.unlink()

        return measure(ground, start, "worker", window, lambda turn: crew(turn).do("enqueue", str(scale.jobs)))
