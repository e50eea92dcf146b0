"""Our worker's steps per second beside the floor's: the same messages and statements, and no other code."""

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Final

from bench.floor.ground import Ground, Scale, open_ground
from bench.row import SEPARATOR, Bench, Finding, Ratio, Row, at_least
from bench.series import alternate
from bench.steps.measure import Pace, Window, measure, start_floor, start_floor_with_http, start_worker

GOAL: Final = at_least(0.7)
ROUNDS: Final = 2
SCALE: Final = Scale(jobs=100, steps=40, pages=60)
_ENTRANTS: Final = {
    "ours": ("tiktok", start_worker),
    "floor": ("floor", start_floor),
    "http": ("floor", start_floor_with_http),
}


def run(bench: Bench) -> Finding:
    return judge(run_rounds(bench, SCALE, ROUNDS, Window()))


def run_rounds(bench: Bench, scale: Scale, rounds: int, window: Window) -> dict[str, list[Pace]]:
    with open_ground(bench.folder, scale, bench.report) as ground:
        return rounds_on(ground, rounds, window, bench.report)


def rounds_on(ground: Ground, rounds: int, window: Window, report: Callable[[str], None]) -> dict[str, list[Pace]]:
    """All entrants in turn; every other round goes back."""
    return alternate(
        {name: partial(measure, ground, start, process, window) for name, (process, start) in _ENTRANTS.items()},
        rounds,
        report,
    )


def judge(paces: dict[str, list[Pace]]) -> Finding:
    ours, floor, http = ([pace.per_s for pace in paces[name]] for name in _ENTRANTS)
    what = "steps a second with 30 rows each, 100 jobs at once, one worker process"
    return Finding(
        rows=(
            Row(
                what=what,
                ours=f"{median(ours):.0f}/s",
                theirs=f"floor {median(floor):.0f}/s",
                ratio=Ratio.of(ours, floor),
                goal=GOAL,
                note="the floor sends, by bare nats-py and psycopg, what was recorded of our worker: claim, gate, the "
                "two commits, the messages. The profiles are known. Ours makes two HTTP calls a step, reads the page "
                f"and decides. {_busy('ours', paces)}; {_busy('floor', paces)}",
            ),
            Row(
                what="the same, beside a floor that makes our two HTTP calls",
                ours=f"{median(ours):.0f}/s",
                theirs=f"floor with HTTP {median(http):.0f}/s",
                ratio=Ratio.of(ours, http),
                note=f"a page of 30 KB by bare httpx, and a publication. {_busy('http', paces)}",
            ),
        )
    )


def _busy(name: str, paces: dict[str, list[Pace]]) -> str:
    each = {who: median(pace.busy[who] for pace in paces[name]) * 1000 for who in paces[name][0].busy}
    return f"{name}, processor ms a step: " + SEPARATOR.join(f"{who} {value:.2f}" for who, value in each.items())
