"""What is told of an exception: its kind and its place, never a value, whoever raised it."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import BaseModel

from common.errors import CreatorscoutError, ShapeError
from common.fault import CHAIN_MAX, describe, trace

pytestmark = pytest.mark.security

CANARY = "canary7391"


class Model(BaseModel):
    name: int


def of(act: Callable[[], Any]) -> BaseException:
    try:
        act()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


FOREIGN: dict[str, Callable[[], Any]] = {
    "a key": lambda: {}[CANARY],
    "a number": lambda: int(CANARY),
    "a decoder": lambda: (CANARY.encode() + b"\xff").decode("ascii"),
    "pydantic": lambda: Model.model_validate({"name": CANARY}),
    "httpx": lambda: httpx.get(f"http://127.0.0.1:1/{CANARY}", trust_env=False),
    "a file": lambda: Path(f"/{CANARY}").read_bytes(),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_others_write_into_an_exception_is_not_told(name: str) -> None:
    error = of(FOREIGN[name])
    assert CANARY in f"{error} {error.args} {_address(error)}", "it is in there"
    assert CANARY not in describe(error) + trace(error)
    assert type(error).__name__ in describe(error)
    assert "test_fault.py" in trace(error)


def _address(error: BaseException) -> str:
    """What is not in its text but hangs on it."""
    return str(error.request.url) if isinstance(error, httpx.RequestError) else str(getattr(error, "filename", ""))


def test_of_postgres_the_sqlstate_and_the_constraint_are_told(database_url: str) -> None:
    """And not the row, which its own text quotes."""
    with psycopg.connect(database_url) as connection:
        connection.execute("create temporary table people (email text constraint people_once unique)")
        connection.execute("insert into people values (%s)", [f"{CANARY}@example.com"])
        error = of(lambda: connection.execute("insert into people values (%s)", [f"{CANARY}@example.com"]))
    assert CANARY in str(error)
    assert describe(error) == "UniqueViolation [23505 people_once]"
    assert CANARY not in trace(error)


def test_of_a_connection_that_fails_it_is_told_why() -> None:
    error = of(lambda: psycopg.connect("postgresql://ada@127.0.0.1:1/x"))
    assert "refused" in describe(error)


def test_our_own_errors_say_what_they_say() -> None:
    assert describe(ShapeError("no items")) == "ShapeError: no items"
    assert describe(CreatorscoutError()) == "CreatorscoutError"


def test_all_that_led_to_it_is_told_the_first_first() -> None:
    def fail() -> None:
        try:
            {}[CANARY]
        except KeyError as error:
            raise ShapeError("no page") from error

    told = trace(of(fail))
    assert told.index("KeyError") < told.index("ShapeError: no page")
    assert CANARY not in told


def test_what_was_left_out_on_purpose_stays_out() -> None:
    def fail() -> None:
        try:
            {}[CANARY]
        except KeyError:
            raise ShapeError("no page") from None

    assert "KeyError" not in trace(of(fail))


def test_groups_are_told_with_what_is_in_them_and_notes_are_not() -> None:
    inner = ValueError(CANARY)
    inner.add_note(CANARY)
    told = trace(ExceptionGroup(CANARY, [inner, ExceptionGroup(CANARY, [ShapeError("no page")])]))
    assert CANARY not in told
    assert told.split("\n") == ["ExceptionGroup", "  | ValueError", "  | ExceptionGroup", "  |   | ShapeError: no page"]


def test_a_ring_and_an_endless_chain_end() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert trace(first) == "KeyError\nValueError"
    last: BaseException = ValueError()
    for _ in range(100):
        last, previous = ValueError(), last
        last.__cause__ = previous
    with contextlib.suppress(RecursionError):
        assert trace(last).count("ValueError") == CHAIN_MAX
