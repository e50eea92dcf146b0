"""The measurement of the gateway measures, shows and judges."""

import sys
from pathlib import Path

import pytest
from rich.console import Console

from local.bench.gateway.command import RATIO_MIN, run_bench_gateway, show
from local.bench.gateway.contest import BARE, ENTRANTS, POLL_UNCHANGED, Entrant, Result, Score, Turn
from local.bench.gateway.load import LoadError, Order, Report, put_load
from local.child import Command, plain_environment
from local.process import Part, Supervisor


def turn(rate: float) -> Turn:
    return Turn(Report(count=round(rate), seconds=1, p50_ms=1, p99_ms=2, bytes=100), 1e6 / rate)


def result(*ratios: float) -> Result:
    """Rounds in which the machine is ever slower, for everybody alike."""
    bare = [1000 / (number + 1) for number in range(len(ratios))]

    def turns(entrant: Entrant) -> tuple[Turn, ...]:
        if entrant is BARE:
            return tuple(map(turn, bare))
        if entrant is POLL_UNCHANGED:
            return tuple(turn(rate * ratio) for rate, ratio in zip(bare, ratios, strict=True))
        return (turn(10),)

    return Result(tuple(Score(entrant, turns(entrant)) for entrant in ENTRANTS), 50_000)


@pytest.mark.parametrize(("ratio", "code"), [(RATIO_MIN + 0.02, 0), (RATIO_MIN - 0.02, 1)])
def test_it_fails_if_a_poll_without_news_costs_too_much(ratio: float, code: int) -> None:
    console = Console(record=True, width=160)
    assert show(result(0.1, ratio, 2), console) == code, "a round in which the machine hiccups does not decide"
    text = console.export_text()
    assert all(entrant.name in text for entrant in ENTRANTS)
    assert f"{ratio:.2f} of the bare" in text
    assert "50,000 requests a second" in text


def test_the_generator_counts_answers_and_complains_of_wrong_ones(tmp_path: Path, free_port: int) -> None:
    argv = [sys.executable, "-m", "local.bench.gateway.trivial", str(free_port)]
    order = Order(port=free_port, requests=["GET / HTTP/1.1\r\n\r\n"], uses=3, status=304, seconds=0.2, connections=2)
    with Supervisor() as supervisor:
        command = Command("trivial", argv, plain_environment(), tmp_path / "log")
        supervisor.start(Part(command, f"tcp://127.0.0.1:{free_port}"))
        report = put_load(order)
        assert report.count > 100
        assert report.seconds >= 0.2
        assert 0 < report.p50_ms <= report.p99_ms
        with pytest.raises(LoadError, match="answered"):
            put_load(Order(port=free_port, requests=order.requests, uses=1, status=200, seconds=1, connections=1))
    with pytest.raises(LoadError):
        put_load(order)


@pytest.mark.server
def test_a_small_measurement_runs_and_prints_its_table(tmp_path: Path) -> None:
    console = Console(record=True, width=160)
    run_bench_gateway(tmp_path, console, creators=3, rounds=1, seconds=0.1)
    text = console.export_text()
    assert all(entrant.name in text for entrant in ENTRANTS), text
    assert list((tmp_path / ".local").iterdir()) == []
