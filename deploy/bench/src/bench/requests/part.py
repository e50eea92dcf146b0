"""Polls and pages of results, by the gateway as it is deployed, beside handlers of its framework with nothing around.

Of a poll nothing has changed since the client last asked, as is usual: it shows its tag. A token is used thirty times.
"""

from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.row import Bench, BenchError, Finding, Goal, Ratio, Row, at_least
from bench.series import alternate
from local.bench.gateway.contest import TOKEN_USES
from local.bench.gateway.load import LoadError, Order, Report, put_load
from local.bench.gateway.site import Server, Site, open_site, write_request
from local.stack import USER

CREATORS: Final = 400
CONNECTIONS: Final = 32
ROUNDS: Final = 3
ROUND_S: Final = 1.0
_TOKENS: Final = 60


@dataclass(frozen=True, slots=True)
class Floor:
    """A handler of the bare server's, and what is promised of us beside it. `{}` is the job's id."""

    path: str
    name: str
    goal: Goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A kind of request, and what it is held against. `{}` is the job's id. Of many: of others' running jobs in turn,
    which is what a gateway sees."""

    what: str
    path: str
    status: int
    floor: Floor
    is_running: bool = False
    is_of_many: bool = False


_POLL: Final = "/api/scraping/tiktok?jobId={}"
_JOB: Final = "/api/v1/jobs/{}"
_SELECT: Final = Floor("/jobs/{}", "a handler with one SELECT", at_least(0.8))
_PING: Final = Floor("/ping", "a bare ping", at_least(0.7))
_TEXT: Final = Floor("/jobs/{}/results", "the same SELECT as text", at_least(0.7))

ENTRANTS: Final = (
    Entrant(
        what="polls of 30 running jobs, ten users, unchanged (304)",
        path=_POLL,
        status=304,
        floor=_SELECT,
        is_of_many=True,
    ),
    Entrant(what="poll of a running job, unchanged (304)", path=_POLL, status=304, floor=_SELECT, is_running=True),
    Entrant(what="GET of a running job, unchanged (304)", path=_JOB, status=304, floor=_SELECT, is_running=True),
    Entrant(what="GET of a running job (200)", path=_JOB, status=200, floor=_SELECT, is_running=True),
    Entrant(what="poll of a finished job (304)", path=_POLL, status=304, floor=_PING),
    Entrant(what="GET of a finished job (304)", path=_JOB, status=304, floor=_PING),
    Entrant(what="a results page of 100 creators", path=f"{_JOB}/results?limit=100", status=200, floor=_TEXT),
)


def run(bench: Bench) -> Finding:
    return measure(bench, creators=CREATORS, rounds=ROUNDS, seconds=ROUND_S)


def measure(bench: Bench, *, creators: int, rounds: int, seconds: float) -> Finding:
    """Raises ProcessError, BenchError."""
    try:
        with open_site(bench.folder, creators, bench.report) as site:
            return Finding(rows=tuple(_row(bench, site, entrant, rounds, seconds) for entrant in ENTRANTS))
    except LoadError as error:
        raise BenchError(f"the load could not be put on: {error}") from None


def _row(bench: Bench, site: Site, entrant: Entrant, rounds: int, seconds: float) -> Row:
    bench.report(entrant.what)
    own = (USER, site.running_job_id if entrant.is_running else site.job_id)
    jobs = site.others if entrant.is_of_many else (own,)
    reports: dict[str, list[Report]] = {"ours": [], "bare": []}

    def ours() -> float:
        requests = [
            request
            for user, job_id in jobs
            for request in site.signed(
                entrant.path.format(job_id), status=entrant.status, tokens=_TOKENS // len(jobs), user=user
            )
        ]
        reports["ours"].append(_load(site.gateway, requests, entrant, entrant.status, seconds))
        return reports["ours"][-1].rate

    def bare() -> float:
        requests = [write_request(entrant.floor.path.format(job_id), site.bare.port) for _, job_id in jobs]
        reports["bare"].append(_load(site.bare, requests, entrant, 200, seconds))
        return reports["bare"][-1].rate

    ours()  # to warm up
    series = alternate({"ours": ours, "bare": bare}, rounds)
    return Row(
        what=entrant.what,
        ours=f"{median(series['ours']):,.0f}/s",
        theirs=f"{entrant.floor.name} {median(series['bare']):,.0f}/s",
        ratio=Ratio.of(series["ours"], series["bare"]),
        goal=entrant.floor.goal,
        note=f"{CONNECTIONS} connections{'' if entrant.is_of_many else ', all for one job'}; half within "
        f"{_p50(reports['ours'])} ms, and {_p50(reports['bare'])} ms",
    )


def _p50(reports: list[Report]) -> str:
    return f"{median(report.p50_ms for report in reports):.1f}"


def _load(server: Server, requests: list[str], entrant: Entrant, status: int, seconds: float) -> Report:
    """Of one job a token is used some times in a row; of many the next request is for the next job."""
    return put_load(
        Order(
            port=server.port,
            requests=requests,
            uses=1 if entrant.is_of_many else TOKEN_USES,
            status=status,
            seconds=seconds,
            connections=CONNECTIONS,
        )
    )
