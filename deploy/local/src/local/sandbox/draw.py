"""Chance without chance: numbers read off a hash of names, the same in every run and on every machine."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

Choice = TypeVar("Choice")


class Draw:
    """A stream of numbers that belongs to the given names; asking in another order gives other answers."""

    __slots__ = ("_block", "_count", "_key", "_offset")

    def __init__(self, *names: object) -> None:
        self._key = "\x1f".join(str(name) for name in names).encode()
        self._count = 0
        self._refill()

    def _refill(self) -> None:
        self._block = blake2b(self._key + self._count.to_bytes(4, "big")).digest()
        self._count += 1
        self._offset = 0

    def _take(self, size: int) -> bytes:
        if self._offset + size > len(self._block):
            self._refill()
        taken = self._block[self._offset : self._offset + size]
        self._offset += size
        return taken

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        return int.from_bytes(self._take(8), "big") % limit

    def unit(self) -> float:
        """A number from 0 up to, but not including, 1."""
        return int.from_bytes(self._take(4), "big") / 2**32

    def chance(self, percent: float) -> bool:
        return self.unit() * 100 < percent

    def pick(self, choices: Sequence[Choice]) -> Choice:
        return choices[self.below(len(choices))]

    def hex(self, length: int) -> str:
        """Lower-case hexadecimal digits, as in the names of stored files."""
        text = ""
        while len(text) < length:
            text += self._take(32).hex()
        return text[:length]
