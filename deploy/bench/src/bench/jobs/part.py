"""A keyword job's wall time beside the sequential flow's, and what it takes of the machine."""

from contextlib import AbstractContextManager
from statistics import median
from typing import Final

from bench.jobs import sequential
from bench.jobs.beside import Beside, sequential_flows
from bench.jobs.order import ORDERS, Order
from bench.jobs.site import Run, Site
from bench.row import SEPARATOR, Bench, Finding, Ratio, Row, at_least, at_most
from common.domain.setting import SystemSettings
from local.stack import Options, Stack, services_named
from local.usage import peak_mb

ROUNDS: Final = 2
EAGER: Final = {"pages_per_delivery": 20, "enrichment_concurrency": 20}
DEFAULTS: Final = {name: getattr(SystemSettings().api, name) for name in EAGER}
EAGER_ORDERS: Final = ORDERS[:2]
WORKER_MB_MAX: Final = 200
TIMES_FASTER_MIN: Final = 20.0
CHAIN_TIMES_MAX: Final = 1.4
SERVICES_NEEDED: Final = ("gateway", "webhook", "tiktok")


def opened(bench: Bench) -> AbstractContextManager[Beside]:
    """What runs beside the other parts."""
    return sequential_flows(bench, ORDERS)


def run(bench: Bench, beside: Beside) -> Finding:
    with Stack.start(Options(bench.folder, services=services_named(*SERVICES_NEEDED)), bench.report) as stack:
        site = Site(stack)
        bench.report("warming up")
        site.perform(("warm", "up"), 60)
        ours: dict[str, list[Run]] = {order.name: [] for order in ORDERS}
        eager: dict[str, Run] = {}
        for number in range(ROUNDS):
            for order in ORDERS:
                bench.report(f"round {number + 1} of {ROUNDS}: {order.name}")
                ours[order.name].append(site.perform(order.keywords, order.target))
        site.set_api(EAGER)
        for order in EAGER_ORDERS:
            bench.report(f"with other settings: {order.name}")
            eager[order.name] = site.perform(order.keywords, order.target)
        peaks = {name: peak_mb(stack.supervisor.child(name).pid) for name in SERVICES_NEEDED}
    rows: list[Row] = []
    for order in ORDERS:
        rows += _rows(order, ours[order.name], beside.result(order, bench))
    rows += [_eager_row(order, eager[order.name], beside.result(order, bench)) for order in EAGER_ORDERS]
    rows += _usage_rows(ours[ORDERS[2].name], peaks)
    return Finding(rows=tuple(rows))


def _rows(order: Order, ours: list[Run], theirs: sequential.Run) -> list[Row]:
    seconds = median(run.seconds for run in ours)
    per_creator = [run.calls / run.creators for run in ours]
    theirs_per_creator = (theirs.pages + theirs.profiles) / (theirs.creators - theirs.private)
    return [
        Row(
            what=f"a job: {order.name}",
            ours=f"{seconds:.1f} s",
            theirs=f"sequential {theirs.seconds:.0f} s",
            ratio=Ratio(tuple(theirs.seconds / run.seconds for run in ours)),
            goal=at_least(TIMES_FASTER_MIN),
            note="times faster; the sequential flow ran once, beside the other parts (it sleeps nearly all the time). "
            "No profile was known beforehand. "
            f"Sequential / chain of our page calls: {theirs.seconds / median(run.chain_s for run in ours):.1f}: "
            "what a job without any cost of its own would reach",
        ),
        Row(
            what=f"its time, beside the chain of its page calls: {order.name}",
            ours=f"{seconds:.1f} s",
            theirs=f"{median(run.chain_s for run in ours):.1f} s",
            ratio=Ratio(tuple(run.seconds / run.chain_s for run in ours)),
            goal=at_most(CHAIN_TIMES_MAX),
            note="the chain is the sum of the page calls of the job's longest search, as the ledger has them",
        ),
        Row(
            what=f"its paid calls for a distinct public creator: {order.name}",
            ours=f"{median(per_creator):.3f}",
            theirs=f"{theirs_per_creator:.3f}",
            ratio=Ratio.of(per_creator, [theirs_per_creator]),
            goal=at_most(1.0),
            note=f"ours delivers nobody whose account is private; the sequential flow counts them as creators, "
            f"{theirs.private} of its {theirs.creators}. Counted like that it pays "
            f"{(theirs.pages + theirs.profiles) / theirs.creators:.3f}",
        ),
    ]


def _eager_row(order: Order, eager: Run, theirs: sequential.Run) -> Row:
    settings = " and ".join(f"`api.{name}` at {count} instead of {DEFAULTS[name]}" for name, count in EAGER.items())
    return Row(
        what=f"a job, with other settings: {order.name}",
        ours=f"{eager.seconds:.1f} s",
        theirs=f"sequential {theirs.seconds:.0f} s",
        ratio=Ratio((theirs.seconds / eager.seconds,)),
        note=f"times faster, with {settings}; {eager.seconds / eager.chain_s:.2f} times the chain of its page calls",
    )


def _usage_rows(runs: list[Run], peaks: dict[str, float]) -> list[Row]:
    cpu = {name: median(run.cpu[name] for run in runs) for name in SERVICES_NEEDED}
    return [
        Row(
            what=f"processor seconds of a job: {ORDERS[2].name}",
            ours=SEPARATOR.join(f"{name} {seconds:.1f} s" for name, seconds in cpu.items()),
        ),
        Row(
            what="peak memory of the worker after all these jobs",
            ours=SEPARATOR.join(f"{name} {peak:.0f} MB" for name, peak in peaks.items()),
            theirs=f"{WORKER_MB_MAX} MB",
            ratio=Ratio((peaks["tiktok"] / WORKER_MB_MAX,)),
            goal=at_most(1.0),
        ),
    ]
