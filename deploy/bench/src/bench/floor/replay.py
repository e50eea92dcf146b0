"""A recorded step, sent by bare psycopg: what the floor does, and with which peers do the same work.

Imports nothing but psycopg and the tape. Connections are to be in autocommit and to prepare as ours do (`OPTIONS`).
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from typing import Any, Final, TypeAlias

import psycopg

from bench.floor.tape import Unit

OPTIONS: Final[dict[str, Any]] = {"autocommit": True, "prepare_threshold": 1}

Step: TypeAlias = tuple[Unit, ...]


async def perform(connection: psycopg.AsyncConnection[Any], step: Step, publish: Callable[[], Awaitable[Any]]) -> bool:
    """Send the step's statements; `publish` hands over to the next step, right after the page's commit, as our worker
    does. False: the claim took nothing (the step is done, or a dead worker's lease has not run out), nothing was done.
    """
    claim, *units = step
    cursor = await connection.execute(claim.statements[0].text, claim.statements[0].parameters)
    if await cursor.fetchone() is None:
        return False
    for unit, is_page in _marked(units):
        async with (
            connection.pipeline() if unit.is_pipelined else nullcontext(),
            connection.transaction() if unit.is_transaction else nullcontext(),
        ):
            for statement in unit.statements:
                await cursor.execute(statement.text, statement.parameters)
        if is_page:
            await publish()
    return True


def perform_sync(connection: psycopg.Connection[Any], step: Step, publish: Callable[[], Any]) -> bool:
    """The same without an event loop."""
    claim, *units = step
    cursor = connection.execute(claim.statements[0].text, claim.statements[0].parameters)
    if cursor.fetchone() is None:
        return False
    for unit, is_page in _marked(units):
        with (
            connection.pipeline() if unit.is_pipelined else nullcontext(),
            connection.transaction() if unit.is_transaction else nullcontext(),
        ):
            for statement in unit.statements:
                cursor.execute(statement.text, statement.parameters)
        if is_page:
            publish()
    return True


def _marked(units: list[Unit]) -> Iterator[tuple[Unit, bool]]:
    """Each with whether it is the page's commit."""
    is_published = False
    for unit in units:
        is_page = unit.is_transaction and not is_published
        is_published = is_published or is_page
        yield unit, is_page
