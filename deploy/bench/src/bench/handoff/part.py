"""From the publication of a step to the worker's beginning with it, one job alone, beside nats-py and nothing else.

The worker is the one that is deployed: when it began is told by its log, the end of a step minus its duration, which is
given in whole milliseconds; over many steps that evens out.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, median
from typing import Final

import httpx

from bench.floor.ground import Ground, Scale, open_ground
from bench.floor.outside import PUBLISHED
from bench.row import Bench, BenchError, Finding, Ratio, Row, at_most
from bench.steps.measure import start_worker
from bench.worker_log import performed
from local.child import plain_environment, wait_until
from local.loopback import PLAIN_HTTP
from local.port import LOOPBACK
from local.process import Supervisor

GOAL: Final = at_most(3.0)
ROUNDS: Final = 2
STEPS: Final = 60
MESSAGES: Final = 200
_JOB_MAX_S: Final = 30.0


def run(bench: Bench) -> Finding:
    return judge(*run_rounds(bench, ROUNDS, STEPS))


def run_rounds(bench: Bench, rounds: int, steps: int) -> tuple[list[float], list[float]]:
    """Milliseconds of ours and of raw nats-py, a mean for each round."""
    ours: list[float] = []
    raw: list[float] = []
    with open_ground(bench.folder, Scale(jobs=2, steps=2, pages=steps + 2), bench.report) as ground:
        for number in range(rounds):
            bench.report(f"round {number + 1} of {rounds}")
            own, bare = hand_overs(ground, steps, MESSAGES)
            ours.append(mean(own) * 1000)
            raw.append(mean(bare) * 1000)
    return ours, raw


def hand_overs(ground: Ground, steps: int, messages: int) -> tuple[list[float], list[float]]:
    """Seconds of each hand-over but for the first few: ours, and nats-py's alone."""
    return _ours(ground, steps), _raw(ground, messages)


def judge(ours: list[float], raw: list[float]) -> Finding:
    row = Row(
        what="hand-off: from a step's publication to its beginning, one job alone",
        ours=f"{median(ours):.2f} ms",
        theirs=f"nats-py publish, fetch: {median(raw):.2f} ms",
        ratio=Ratio.of(ours, raw),
        goal=GOAL,
        note="means of a round; the worker enriches the step before meanwhile. Durable publication in both; QStash's "
        "hop and the webhook are not counted",
    )
    return Finding(rows=(row,))


def _ours(ground: Ground, steps: int) -> list[float]:
    """Seconds of each hand-off after the first few."""
    with ground.turn() as turn:
        with Supervisor() as supervisor:
            start_worker(turn, supervisor)
            log = supervisor.child("tiktok").log
            earlier = log.stat().st_size  # of rounds before: there is one log for all
            turn.publish_first(ground.jobs[:1])
            if not wait_until(lambda: turn.done() >= steps, _JOB_MAX_S):
                raise BenchError(f"one job made less than {steps} steps in {_JOB_MAX_S:.0f} s")
            time.sleep(0.2)
            url = f"http://{LOOPBACK}:{ground.outside_port}{PUBLISHED}"
            published = {int(step): at for step, at in httpx.get(url, **PLAIN_HTTP).json().items()}
        began = _begun(log, earlier)
    return [began[step] - published[step] for step in range(5, steps) if step in began and step in published]


def _begun(log: Path, earlier: int) -> dict[int, float]:
    """When the worker began with each step, by what its log says behind so many bytes."""
    return {one.fact["step"]: one.began_at for one in performed(log, skipped=earlier)}


def _raw(ground: Ground, messages: int) -> list[float]:
    with ground.turn():
        environment = plain_environment(ground.nats.client_environment("tester"))
        argv = [sys.executable, "-m", "bench.handoff.raw", str(messages)]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"nats-py alone: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])[20:]  # below what the log says of the connection
