"""The gateway reaches what is its owners' only by doors that name whose it is; read from its source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway

pytestmark = pytest.mark.security

SOURCE = Path(gateway.__file__).parent

# Where a connection names nobody, and why that shows nothing of anybody's.
UNNAMED = {
    "routes/health.py": 1,  # asks whether Postgres answers
}
# Who may reach what is anybody's: behind the administrators' guard.
OF_EVERYBODY = {"administrator.py"}
# Who may have the whole database in hand: those that make the doors.
WHOLE = {"composition.py", "limit.py", "live/hub.py", "live/stream.py", *UNNAMED, *OF_EVERYBODY}


def uses(name: str) -> Iterator[tuple[str, ast.Attribute]]:
    """Where this attribute is asked for."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == name:
                yield path.relative_to(SOURCE).as_posix(), node


def is_database(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("database", "_database")


def test_only_what_is_nobodys_is_asked_for_without_a_name() -> None:
    found: dict[str, int] = {}
    for door in ("connection", "transaction"):
        for path, node in uses(door):
            if is_database(node.value):
                found[path] = found.get(path, 0) + 1
    assert found == UNNAMED


def test_only_administrators_routes_reach_what_is_everybodys() -> None:
    assert {path for path, _ in uses("of_everybody")} == OF_EVERYBODY


def test_the_whole_database_is_in_few_hands() -> None:
    assert {path for path, _ in uses("database")} == WHOLE


def test_transactions_are_given_a_door() -> None:
    """`Resources.unit` without one would open the whole database."""
    calls = [
        (path.relative_to(SOURCE).as_posix(), len(node.args))
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "unit"
    ]
    assert calls
    assert all(count == 1 for _, count in calls)


def test_what_is_published_is_noted_by_a_door_that_is_given() -> None:
    calls = [
        len(node.args)
        for path in sorted(SOURCE.rglob("*.py"))
        if path.name != "publishing.py"  # which is that door
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "publish"
    ]
    assert len(calls) >= 4
    assert set(calls) == {2}
