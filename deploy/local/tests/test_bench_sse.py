"""Many watch jobs of one gateway: each sees every event once and in order. `make bench-sse` does it in the large."""

from pathlib import Path

import pytest
from rich.console import Console

from local.bench.sse.command import GATEWAY, show
from local.bench.sse.measure import Commit, Finding, judge, measure
from local.bench.sse.order import STREAMS_PER_USER, Order
from local.bench.sse.watcher import Watcher
from local.stack import Options, Stack

COMMITS = [Commit(job="a", at=10.0, first=3, last=4), Commit(job="a", at=20.0, first=5, last=5)]


def watcher(*seen: tuple[int, float]) -> Watcher:
    one = Watcher("a", "token")
    one.seen.extend(seen)
    return one


GOOD = ((1, 0.0), (2, 9.0), (3, 10.1), (4, 10.2), (5, 20.3))


def test_lags_are_those_of_the_pages_alone() -> None:
    faulty, lags = judge([watcher(*GOOD)], COMMITS, {"a": 5})
    assert faulty == 0
    assert [round(lag, 3) for lag in lags] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    "seen",
    [GOOD[:-1], GOOD[1:], (*GOOD[:2], GOOD[3], GOOD[2], GOOD[4]), (*GOOD, GOOD[-1]), (*GOOD, (6, 21.0)), ()],
)
def test_who_missed_or_saw_twice_is_found(seen: tuple[tuple[int, float], ...]) -> None:
    assert judge([watcher(*GOOD), watcher(*seen)], COMMITS, {"a": 5})[0] == 1


@pytest.mark.parametrize("order", [Order(), Order(jobs=6), Order(watchers_per_job=30), Order(watchers_per_job=7)])
def test_no_user_watches_more_than_one_may(order: Order) -> None:
    users = [order.user_of(job) for job in range(order.jobs) for _ in range(order.watchers_per_job)]
    assert max(users.count(user) for user in users) <= STREAMS_PER_USER


def finding(*, faulty: int = 0, lag: float = 0.01) -> Finding:
    return Finding(
        order=Order(), commits=1, events=9, faulty=faulty, lags=[lag], seconds=1.0, cpu_seconds=0.1,
        bytes_before=0, bytes_watched=2**20, bytes_after=2**20,
    )  # fmt: skip


def test_what_was_missed_or_came_late_is_a_failure() -> None:
    console = Console(quiet=True)
    assert [show(one, console) for one in (finding(), finding(faulty=1), finding(lag=0.2))] == [0, 1, 1]


@pytest.mark.server
@pytest.mark.timeout(300)
def test_sixty_who_watch_six_jobs_see_everything(tmp_path: Path) -> None:
    order = Order(jobs=6, pages_per_job=4, every_ms=20)
    with Stack.start(Options(tmp_path, services=GATEWAY)) as stack:
        found = measure(stack, order, print)
    assert found.faulty == 0
    assert found.commits == 24
    assert found.events == 60 * (2 + 4 * 21)
    assert len(found.lags) == 60 * 4 * 21
