"""The measurement: every kind of request in turn, round after round, so that what slows the machine slows all alike."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from local.bench.gateway.load import Order, Report, put_load
from local.bench.gateway.site import Server, Site, write_request

CONNECTIONS: Final = 8
ROUNDS: Final = 7
ROUND_S: Final = 1.2
TOKEN_USES: Final = 30
"""A token lives a minute and a frontend asks every two seconds: each is used thirty times, then comes a new one."""
_TOKENS_PER_ROUND: Final = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A kind of request. `path` None is the bare handler's. `every` says in which rounds it takes part."""

    name: str
    path: str | None
    status: int
    every: int = 1
    tokens: int = _TOKENS_PER_ROUND


BARE: Final = Entrant(name="bare handler, 200", path=None, status=200)
POLL_UNCHANGED: Final = Entrant(name="poll, 304", path="/api/scraping/tiktok?jobId={}", status=304)
ENTRANTS: Final = (
    BARE,
    POLL_UNCHANGED,
    Entrant(name="GET job, 304", path="/api/v1/jobs/{}", status=304, every=3),
    Entrant(name="GET job, 200", path="/api/v1/jobs/{}", status=200, every=3),
    Entrant(name="poll, 200", path="/api/scraping/tiktok?jobId={}", status=200, every=3, tokens=10),
)


@dataclass(frozen=True, slots=True)
class Turn:
    report: Report
    cpu_us: float
    """CPU time of the server, per request."""


@dataclass(frozen=True, slots=True)
class Score:
    """All turns of an entrant; every number is the median of the rounds."""

    entrant: Entrant
    turns: tuple[Turn, ...]

    @property
    def rate(self) -> float:
        return median(turn.report.rate for turn in self.turns)

    @property
    def p50_ms(self) -> float:
        return median(turn.report.p50_ms for turn in self.turns)

    @property
    def p99_ms(self) -> float:
        return median(turn.report.p99_ms for turn in self.turns)

    @property
    def cpu_us(self) -> float:
        return median(turn.cpu_us for turn in self.turns)

    @property
    def bytes(self) -> int:
        return self.turns[0].report.bytes


@dataclass(frozen=True, slots=True)
class Result:
    scores: tuple[Score, ...]
    ceiling: float
    """Requests a second that the load generator reaches where the server does nothing."""

    def score(self, entrant: Entrant) -> Score:
        return next(score for score in self.scores if score.entrant is entrant)

    @property
    def ratio(self) -> float:
        """The unchanged poll's rate over the bare handler's: the median of the rounds, each with its neighbour."""
        pairs = zip(self.score(POLL_UNCHANGED).turns, self.score(BARE).turns, strict=True)
        return median(poll.report.rate / bare.report.rate for poll, bare in pairs)


def hold_contest(
    site: Site, report: Callable[[str], None], *, rounds: int = ROUNDS, seconds: float = ROUND_S
) -> Result:
    """Raises LoadError."""
    report("what the load generator can reach")
    ceiling = put_load(_order(site.trivial, [write_request("/", site.trivial.port)], 304, seconds)).rate
    for entrant in ENTRANTS:
        _take_turn(site, entrant, seconds / 4)  # to warm up
    turns: dict[str, list[Turn]] = {entrant.name: [] for entrant in ENTRANTS}
    for number in range(rounds):
        for entrant in ENTRANTS:
            if number % entrant.every == 0:
                report(f"round {number + 1} of {rounds}: {entrant.name}")
                turns[entrant.name].append(_take_turn(site, entrant, seconds))
    return Result(tuple(Score(entrant, tuple(turns[entrant.name])) for entrant in ENTRANTS), ceiling)


def _take_turn(site: Site, entrant: Entrant, seconds: float) -> Turn:
    if entrant.path is None:
        server, requests = site.bare, [write_request(f"/jobs/{site.job_id}", site.bare.port)]
    else:
        path = entrant.path.format(site.job_id)
        server, requests = site.gateway, site.signed(path, status=entrant.status, tokens=entrant.tokens)
    before = server.cpu_s
    report = put_load(_order(server, requests, entrant.status, seconds))
    return Turn(report, (server.cpu_s - before) / report.count * 1e6)


def _order(server: Server, requests: list[str], status: int, seconds: float) -> Order:
    return Order(
        port=server.port,
        requests=requests,
        uses=TOKEN_USES,
        status=status,
        seconds=seconds,
        connections=CONNECTIONS,
    )
