"""The part `scale` from end to end at a tiny size, and what it says holds a system up."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.row import Bench
from bench.scale.part import Size, measure
from bench.scale.verdict import PROFILE_CALLS_MAX, bottleneck
from bench.scale.window import RUNNING, Seen, processors


def seen(**told: Any) -> Seen:
    """A system that nothing holds up, but for what is told."""
    nothing: dict[str, Any] = {
        "seconds": 1.0,
        "creators": 1,
        "cores": {},
        "idle": 0.5,
        "doing": Counter(),
        "waiting": 0,
        "in_hand": 0,
        "calls": {},
    }
    return Seen(**(nothing | told))


@pytest.mark.parametrize(
    ("told", "workers", "named"),
    [
        ({}, 1, "nothing that was looked at"),
        ({"idle": 0.01, "cores": {"tiktok": 0.9 * processors()}}, 1, "the machine's processors"),
        ({"idle": 0.01, "cores": {"tiktok": 0.1}}, 1, "the machine's processors, which others kept busy"),
        ({"cores": {"tiktok": 0.9}}, 1, "the worker's one thread a process"),
        ({"cores": {"tiktok": 0.9}}, 2, "nothing that was looked at"),
        ({"cores": {"tiktok": 0.9, "tiktok-1": 0.9}}, 2, "the worker's one thread a process"),
        (
            {"calls": {"profile": PROFILE_CALLS_MAX - 0.5}},
            1,
            f"the {PROFILE_CALLS_MAX} profile calls at once a process",
        ),
        ({"cores": {"webhook": 0.95}}, 1, "the one thread of webhook"),
        ({"cores": {"postgres": 0.95}}, 1, "nothing that was looked at"),
        ({"doing": Counter({RUNNING: 2, "Lock tuple": 3})}, 1, "Postgres, at Lock tuple"),
        ({"doing": Counter({RUNNING: 4, "Lock tuple": 3})}, 1, "nothing that was looked at"),
    ],
)
def test_what_holds_a_system_up(told: dict[str, Any], workers: int, named: str) -> None:
    assert bottleneck(seen(**told), workers) == named


@pytest.mark.server
@pytest.mark.timeout(120)
def test_one_and_two_processes_learn_profiles(tmp_path: Path) -> None:
    size = Size(jobs=2, workers=(1, 2), rounds=1, after_s=0.5, lasts_s=1.5)
    finding = measure(Bench(tmp_path, tmp_path, lambda _: None), size)
    [row] = finding.rows
    assert row.what.startswith("profiles bought a second by 2 worker processes")
    assert row.ratio is not None
    assert row.ratio.median > 0
    assert finding.detail.count("\n") == 3
