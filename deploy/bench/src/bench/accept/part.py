"""Accepting a delivery of QStash's, believed and durable, beside a handler that does only what makes it durable."""

from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.accept.site import Site, open_site
from bench.row import Bench, BenchError, Finding, Ratio, Row, at_least
from bench.series import alternate
from local.bench.gateway.load import LoadError, Report
from local.bench.gateway.site import Server

CROWD: Final = 32
GOAL: Final = at_least(0.7)


@dataclass(frozen=True, slots=True)
class Size:
    """How many rounds, and how many deliveries in a turn: of a crowd of connections, and of one alone."""

    rounds: int
    crowd_count: int
    alone_count: int

    @property
    def step_count(self) -> int:
        warming = 2 * self.warming_count
        return 2 * self.rounds * (self.crowd_count + self.alone_count) + warming

    @property
    def warming_count(self) -> int:
        return max(CROWD, self.crowd_count // 4)


SIZE: Final = Size(rounds=4, crowd_count=1000, alone_count=200)


@dataclass(slots=True)
class Turn:
    """Deliveries to one server by so many connections; keeps what every round brought."""

    site: Site
    server: Server
    count: int
    connections: int
    reports: list[Report]
    cpu_us: list[float]

    def take(self) -> float:
        before = self.server.cpu_s
        report = self.site.deliver(self.server, self.count, self.connections)
        self.reports.append(report)
        self.cpu_us.append((self.server.cpu_s - before) / report.count * 1e6)
        return report.rate if self.connections > 1 else 1 / report.p50_ms


def run(bench: Bench) -> Finding:
    return measure(bench, SIZE)


def measure(bench: Bench, size: Size) -> Finding:
    with open_site(bench.folder, size.step_count, bench.report) as site:
        try:
            return _compare(bench, site, size)
        except LoadError as error:
            raise BenchError(f"accept: {error}") from error


def _compare(bench: Bench, site: Site, size: Size) -> Finding:
    servers = {"ours": site.webhook, "bare": site.bare}
    bench.report("warming up")
    for server in servers.values():
        site.deliver(server, size.warming_count, CROWD)
    rows: list[Row] = []
    for connections, count in ((CROWD, size.crowd_count), (1, size.alone_count)):
        bench.report(f"{connections} connections" if connections > 1 else "one connection")
        turns = {name: Turn(site, server, count, connections, [], []) for name, server in servers.items()}
        series = alternate({name: turn.take for name, turn in turns.items()}, size.rounds)
        ratio = Ratio.of(series["ours"], series["bare"])
        write = _crowd if connections > 1 else _alone
        rows.append(write(turns["ours"], turns["bare"], ratio))
    return Finding(rows=tuple(rows))


def _crowd(ours: Turn, bare: Turn, ratio: Ratio) -> Row:
    return Row(
        what=f"accepting a delivery, {CROWD} connections",
        ours=_per_second(ours),
        theirs=f"bare handler {_per_second(bare)}",
        ratio=ratio,
        goal=GOAL,
        note="ours checks the signature, refuses replays and what is not wanted, and keeps where the stream has the "
        f"step; the bare handler publishes and inserts. Processor time of each: {_cpu(ours)} and {_cpu(bare)}",
    )


def _alone(ours: Turn, bare: Turn, ratio: Ratio) -> Row:
    return Row(
        what="accepting a delivery, one connection",
        ours=_milliseconds(ours),
        theirs=f"bare handler {_milliseconds(bare)}",
        ratio=ratio,
        goal=GOAL,
        note="the bare handler's median over ours",
    )


def _per_second(turn: Turn) -> str:
    return f"{median([report.rate for report in turn.reports]):,.0f}/s"


def _milliseconds(turn: Turn) -> str:
    p50, p99 = (median([getattr(report, name) for report in turn.reports]) for name in ("p50_ms", "p99_ms"))
    return f"{p50:.2f} ms (p99 {p99:.1f})"


def _cpu(turn: Turn) -> str:
    return f"{median(turn.cpu_us):,.0f} µs"
