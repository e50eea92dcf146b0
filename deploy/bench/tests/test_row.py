"""What a line of the table says, and when a goal is met."""

import pytest

from bench.part import PARTS
from bench.row import Ratio, Row, at_least, at_most
from bench.series import alternate
from bench.table import cells, markdown


def test_a_round_is_compared_with_its_neighbour() -> None:
    ratio = Ratio.of([2.0, 8.0, 6.0], [1.0, 2.0, 3.0])
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 2.0, 4.0)


def test_series_of_different_length_are_compared_by_their_medians() -> None:
    ratio = Ratio.of([4.0, 8.0, 6.0], [2.0])
    assert (ratio.median, ratio.low, ratio.high) == (3.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("goal", "value", "is_missed"),
    [(at_least(0.7), 0.7, False), (at_least(0.7), 0.69, True), (at_most(3), 3.0, False), (at_most(3), 3.1, True)],
)
def test_a_goal_is_a_bound(goal: object, value: float, is_missed: bool) -> None:
    row = Row(what="x", ours="1", ratio=Ratio((value,)), goal=goal)  # pyright: ignore[reportArgumentType]
    assert row.is_missed is is_missed


def test_a_goal_without_a_figure_is_missed() -> None:
    assert Row(what="x", ours="could not be measured", goal=at_least(1)).is_missed


def test_turns_alternate_and_every_other_round_goes_back() -> None:
    order: list[str] = []
    series = alternate({"a": lambda: order.append("a") or 1.0, "b": lambda: order.append("b") or 2.0}, 3)
    assert "".join(order) == "abbaab"
    assert series == {"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0, 2.0]}


def test_a_missed_goal_stays_in_the_table() -> None:
    row = Row(what="a|b", ours="1 ms", ratio=Ratio((0.5, 0.6)), goal=at_least(0.7), note="why")
    assert cells(row) == ("a|b", "1 ms", "–", "0.55", "0.50 to 0.60", "≥ 0.7")
    text = markdown([row])
    assert "| a\\|b <sup>1</sup> | 1 ms | – | 0.55 | 0.50 to 0.60 | ≥ 0.7 | missed |" in text
    assert "1. a|b: why" in text


def test_every_part_can_be_run_alone_by_its_name() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
