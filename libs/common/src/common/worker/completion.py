"""What is not left half done when a worker's turn is cancelled: writing down what was paid for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def completed(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives. A cancel meanwhile comes through when `work` is over, a second one ends it too.

    For statements to Postgres only: they end within its own limits, so nobody waits for long.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
