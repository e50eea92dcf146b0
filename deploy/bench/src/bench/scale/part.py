"""Profiles learned a second by 1, 2 and 4 worker processes beside one."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.row import SEPARATOR, Bench, Finding, Ratio, Row
from bench.scale.crowd import KEYWORDS_PER_JOB, Crowd
from bench.scale.verdict import WORKER, bottleneck, parts
from bench.scale.window import Seen, processors, watch
from local.faults.upstream import Upstream
from local.port import LOOPBACK, free_port
from local.sandbox.answer import Kind
from local.sandbox.latency import Latency
from local.stack import Options, Stack, services_named

SERVICES_NEEDED: Final = ("gateway", "webhook", WORKER)
LATENCIES: Final = {Latency.DEMO: "search 300 ms, profile 100 ms"}
_WAITS_SHOWN: Final = 4
_PARTS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Size:
    """`jobs` at once; counted `lasts_s` from `after_s` after the first creator came; the fewest `workers` first."""

    jobs: int = 6
    workers: tuple[int, ...] = (1, 2, 4)
    rounds: int = 2
    after_s: float = 1.5
    lasts_s: float = 4.0


Case = tuple[Latency, int]


def run(bench: Bench) -> Finding:
    return measure(bench, Size())


def measure(bench: Bench, size: Size) -> Finding:
    seen = _measure(bench, size)
    rows = [_row(latency, workers, seen, size) for latency in LATENCIES for workers in size.workers[1:]]
    return Finding(rows=tuple(rows), detail=_detail(seen))


def _measure(bench: Bench, size: Size) -> dict[Case, list[Seen]]:
    seen: dict[Case, list[Seen]] = {(latency, workers): [] for latency in LATENCIES for workers in size.workers}
    with Stack.start(Options(bench.folder, services=services_named(*SERVICES_NEEDED)), bench.report) as stack:
        crowd, upstream = Crowd(stack, size.jobs), Upstream(stack.url("sandbox"))
        for number in range(size.rounds):
            for workers in size.workers[:: 1 if number % 2 == 0 else -1]:
                _staff(stack, workers)
                for latency in LATENCIES:
                    bench.report(f"round {number + 1} of {size.rounds}: {workers} processes, latency {latency}")
                    seconds = latency.seconds()
                    upstream.take(search=seconds[Kind.SEARCH], profile=seconds[Kind.PROFILE])
                    crowd.begin()
                    crowd.await_first()
                    time.sleep(size.after_s)
                    seen[latency, workers].append(watch(stack, crowd.database_url, size.lasts_s))
                    crowd.end()
    return seen


def _staff(stack: Stack, workers: int) -> None:
    """So many worker processes, the first among them."""
    names = [child.name for child in stack.supervisor.children]
    for number in range(1, workers):
        if _copy(number) not in names:
            port = str(free_port())
            address = {"HOST": LOOPBACK, "PORT": port}
            stack.supervisor.start_copy(WORKER, _copy(number), address, f"http://{LOOPBACK}:{port}/readyz")
    for number in range(workers, len(names)):
        if _copy(number) in names:
            stack.supervisor.dismiss(_copy(number))


def _copy(number: int) -> str:
    return f"{WORKER}-{number}"


def _row(latency: Latency, workers: int, seen: dict[Case, list[Seen]], size: Size) -> Row:
    many = [each.per_s for each in seen[latency, workers]]
    one = [each.per_s for each in seen[latency, size.workers[0]]]
    return Row(
        what=f"profiles bought a second by {workers} worker processes, {LATENCIES[latency]}",
        ours=f"{median(many):.0f}/s",
        theirs=f"one process {median(one):.0f}/s",
        ratio=Ratio.of(many, one),
        note=f"{size.jobs} jobs of {KEYWORDS_PER_JOB} keywords at once, each creator's profile bought; "
        f"everything on {processors()} processors. "
        f"Held up by {_held_up(seen[latency, workers], workers)}; one process by "
        f"{_held_up(seen[latency, size.workers[0]], size.workers[0])}",
    )


def _held_up(seen: list[Seen], workers: int) -> str:
    return " or ".join(dict.fromkeys(bottleneck(each, workers) for each in seen))


def _detail(seen: dict[Case, list[Seen]]) -> str:
    """The round of the median of each case, as a table."""
    lines = [
        "| upstream | worker processes | profiles/s | machine idle | processors busy, by part | steps waiting; in hand "
        "| paid calls under way | Postgres, when looked at | held up by |",
        "|---|---:|---:|---:|---|---|---|---|---|",
    ]
    for (latency, workers), rounds in seen.items():
        each = sorted(rounds, key=lambda one: one.per_s)[len(rounds) // 2]
        cells = (
            LATENCIES[latency],
            str(workers),
            f"{each.per_s:.0f}",
            f"{each.idle:.0%}",
            SEPARATOR.join(f"{name} {cores:.2f}" for name, cores in list(parts(each).items())[:_PARTS_SHOWN]),
            f"{each.waiting:.0f}; {each.in_hand:.0f}",
            SEPARATOR.join(f"{kind} {count:.1f}" for kind, count in sorted(each.calls.items())) or "–",
            _waits(each),
            bottleneck(each, workers),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _waits(seen: Seen) -> str:
    count = seen.doing.total()
    common = seen.doing.most_common(_WAITS_SHOWN)
    return SEPARATOR.join(f"{what} {number / count:.0%}" for what, number in common) or "–"
