"""Puts first attempts out of order, on purpose: those that are held go one after another, the last that came first."""

import asyncio
from collections import deque

HOLD_S = 0.5


class Gate:
    """`enter` before an attempt, `leave` after it."""

    def __init__(self) -> None:
        self._held: list[asyncio.Future[None]] = []
        self._line: deque[asyncio.Future[None]] = deque()
        self._is_busy = False

    async def enter(self, group_size: int) -> bool:
        """Wait for one's turn; false if there was nothing to wait for, and then nothing to leave."""
        if group_size <= 1:
            return False
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._held.append(turn)
        if len(self._held) >= group_size:
            self._release()
        elif len(self._held) == 1:
            loop.call_later(HOLD_S, self._release)
        await turn
        return True

    def leave(self) -> None:
        self._is_busy = False
        self._next()

    def _release(self) -> None:
        self._line.extend(reversed(self._held))
        self._held.clear()
        self._next()

    def _next(self) -> None:
        while self._line and not self._is_busy:
            turn = self._line.popleft()
            if not turn.done():
                self._is_busy = True
                turn.set_result(None)
