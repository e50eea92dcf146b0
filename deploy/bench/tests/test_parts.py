"""Parts from end to end at a tiny size: their rows come."""

from pathlib import Path

import pytest

from bench.accept import part as accept
from bench.jobs.beside import sequential_flows
from bench.jobs.order import Order
from bench.requests import part as requests
from bench.row import Bench, BenchError

pytestmark = pytest.mark.server


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path, root=tmp_path)


def test_accepting_is_measured_by_many_connections_and_by_one(bench: Bench) -> None:
    finding = accept.measure(bench, accept.Size(rounds=1, crowd_count=40, alone_count=5))
    assert len(finding.rows) == 2
    assert all(row.ratio is not None and row.ratio.median > 0 for row in finding.rows)


def test_every_kind_of_request_has_its_row(bench: Bench) -> None:
    finding = requests.measure(bench, creators=3, rounds=1, seconds=0.1)
    assert [row.what for row in finding.rows] == [entrant.what for entrant in requests.ENTRANTS]
    assert all(row.ratio is not None and row.ratio.median > 0 for row in finding.rows)


def test_the_sequential_flow_buys_a_page_and_everybody_on_it_once(bench: Bench) -> None:
    order = Order(name="one", keywords=("ramen",), target=1)
    with sequential_flows(bench, [order]) as beside:
        run = beside.result(order, bench)
    assert run.pages == 1
    assert 0 < run.profiles == run.creators <= 30
    assert run.seconds > 0.3 + run.profiles * 0.2


def test_a_sequential_flow_that_fails_says_why(bench: Bench) -> None:
    order = Order(name="none", keywords=("",), target=1)
    with sequential_flows(bench, [order]) as beside, pytest.raises(BenchError, match="400"):
        beside.result(order, bench)
