"""Time, chance and ids, handed in where they are needed so that tests can hold them."""

import random
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


class Clock:
    """The real one."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def new_id(self) -> UUID:
        """A UUIDv7: sorts by creation."""
        return uuid7()

    def jitter(self, seconds: float) -> float:
        """A random duration between half of `seconds` and all of it."""
        return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
