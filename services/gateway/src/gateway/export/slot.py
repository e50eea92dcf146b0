"""How many exports run at once: a few rows at a time each, but what they cost adds up."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from gateway.problem import Kind, ProblemError

OWNER_MAX: Final = 2
PROCESS_MAX: Final = 4
RETRY_AFTER_S: Final = 10


class ExportSlots:
    """Counted in memory, for this process alone."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()

    @contextmanager
    def taken(self, owner: str) -> Generator[None]:
        """A place for one export. Raises ProblemError if the owner, or the process, has no more of them."""
        if self._running[owner] >= OWNER_MAX:
            detail = f"At most {OWNER_MAX} of your exports run at once; wait for one to end."
            raise ProblemError(Kind.EXPORTS, detail, retry_after_s=RETRY_AFTER_S)
        if self._running.total() >= PROCESS_MAX:
            detail = "As many exports as can be served run already; try again in a moment."
            raise ProblemError(Kind.UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
        self._running[owner] += 1
        try:
            yield
        finally:
            self._running[owner] -= 1
            self._running += Counter()  # forgets who has none
