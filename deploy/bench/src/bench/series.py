"""Measuring in turn: A B A B, so that what slows the machine slows all alike."""

from collections.abc import Callable, Mapping
from statistics import median


def alternate(turns: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each turn returned, round by round. Every other round goes the other way round: whoever comes second finds
    caches as the first left them."""
    series: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        names = list(turns)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            series[name].append(turns[name]())
    return series


def typical(values: list[float]) -> float:
    """The median."""
    return median(values)
