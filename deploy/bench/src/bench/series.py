"""Measuring in turn: A B A B, so that what slows the machine slows all alike."""

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def alternate(
    turns: Mapping[str, Callable[[], T]], rounds: int, report: Callable[[str], None] = lambda _: None
) -> dict[str, list[T]]:
    """What each turn returned, round by round; `report` hears of each. Every other round goes the other way round:
    whoever comes second finds caches as the first left them."""
    series: dict[str, list[T]] = {name: [] for name in turns}
    for number in range(rounds):
        for name in list(turns)[:: 1 if number % 2 == 0 else -1]:
            report(f"round {number + 1} of {rounds}: {name}")
            series[name].append(turns[name]())
    return series
