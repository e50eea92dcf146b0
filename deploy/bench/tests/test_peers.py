"""The part `peers`: what a journal says of a crash, and that a peer's worker is started, killed and followed."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.peers.crash import Wreck, kill_peer
from bench.peers.crew import Crew, open_engine, python
from bench.peers.journal import Line, has_steps, in_hand, judge, read
from bench.peers.part import judge as judged
from bench.peers.peer import PEERS
from local.child import wait_until
from local.postgres import Postgres

ROOT = Path(__file__).parents[3]
WRECK = Wreck(jobs=2, steps=10, step_s=0.3)

RECOVERED = [
    Line(1.0, "killed", "begin", 0, 0),
    Line(1.1, "killed", "end", 0, 0),
    Line(1.2, "killed", "begin", 0, 1),
    Line(1.3, "killed", "begin", 1, 0),
    Line(4.0, "standby", "begin", 0, 1),
    Line(5.5, "standby", "begin", 1, 0),
    Line(6.0, "standby", "end", 0, 1),
    Line(6.1, "standby", "end", 1, 0),
    Line(6.2, "standby", "end", 1, 1),
]


def test_recovery_lasts_until_the_last_step_in_hand_began_elsewhere() -> None:
    after = judge(RECOVERED, "killed", 1.5, jobs=2, steps=2)
    assert (after.in_hand, after.recovered_s, after.lost, after.again, after.twice) == (2, 4.0, 0, 2, 0)


def test_a_step_that_never_began_again_is_no_recovery_and_its_job_is_lost() -> None:
    after = judge(RECOVERED[:5], "killed", 1.5, jobs=2, steps=2)
    assert (after.recovered_s, after.lost) == (None, 2)


def test_a_step_that_ended_twice_is_counted() -> None:
    after = judge([*RECOVERED, Line(7.0, "standby", "end", 0, 0)], "killed", 1.5, jobs=2, steps=2)
    assert after.twice == 1


def test_only_what_was_begun_and_not_ended_is_in_hand() -> None:
    assert in_hand(RECOVERED, "killed", 1.5) == {(0, 1), (1, 0)}
    assert has_steps(RECOVERED, "killed")
    assert not has_steps(RECOVERED, "standby")


def test_only_who_loses_nothing_has_to_be_beaten() -> None:
    own = judge(RECOVERED, "killed", 1.5, jobs=2, steps=2)
    lost = judge(RECOVERED[:5], "killed", 1.5, jobs=2, steps=2)
    aftermaths = {peer.name: lost if peer.name == "celery" else own for peer in PEERS}
    rates = {name: [10.0, 12.0] for name in ("ours", *aftermaths)}
    finding = judged(PEERS, rates, own, aftermaths, WRECK)
    goals = {row.what: row.goal for row in finding.rows}
    assert goals["the same steps by Celery"] is None
    assert goals["the same steps by FastStream"] is not None
    assert f"not within {WRECK.cap_s:.0f} s" in finding.detail


@pytest.mark.server
@pytest.mark.skipif(not python(ROOT).exists(), reason="make .venv-bench/.installed")
def test_a_peer_is_killed_and_comes_back(tmp_path: Path) -> None:
    """DBOS, whose killed executor is started again: its steps come back, and all end."""
    peer = next(peer for peer in PEERS if peer.is_restarted)
    journal = tmp_path / "journal"
    given = {
        "PEER_JOURNAL": str(journal),
        "PEER_STEPS": str(WRECK.steps),
        "PEER_STEP_S": str(WRECK.step_s),
        "PEER_JOBS": str(WRECK.jobs // 2),
    }
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres.start(tmp_path / "postgres", durable=False))
        engine = stack.enter_context(open_engine(peer, postgres, ROOT, tmp_path / "peer"))
        killed_at = kill_peer(Crew(peer, ROOT, tmp_path, {**given, "PEER_ENGINE": engine}), WRECK, stack)
        last = {(job, WRECK.steps - 1) for job in range(WRECK.jobs)}
        assert wait_until(lambda: last <= {line.place for line in read(journal) if line.what == "end"}, 40)
    after = judge(read(journal), "killed", killed_at, WRECK.jobs, WRECK.steps)
    assert after.lost == 0
    assert after.in_hand > 0
    assert after.recovered_s is not None
    assert after.recovered_s > 0
