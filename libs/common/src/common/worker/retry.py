"""The one retry inside a step: twice more for what is transient, with jitter."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from common.errors import RetryError

T = TypeVar("T")

ATTEMPTS = 3


async def with_retries(call: Callable[[], Awaitable[T]]) -> T:
    """Run `call` up to three times, about 1 s and 3 s apart; other errors and the last one come through."""
    async for attempt in stamina.retry_context(
        on=RetryError, attempts=ATTEMPTS, wait_initial=1.0, wait_exp_base=3.0, wait_jitter=0.5, timeout=None
    ):
        with attempt:
            return await call()
    raise AssertionError("stamina ends by returning or raising")
