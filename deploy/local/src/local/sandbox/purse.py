"""The credits of each key."""


class Purse:
    """A counter per API key; a key is made when first seen."""

    def __init__(self, credit_count: int) -> None:
        self._start = credit_count
        self._remaining: dict[str, int] = {}

    def remaining(self, key: str) -> int:
        return self._remaining.get(key, self._start)

    def charge(self, key: str, price: int) -> int:
        """Take the price; what remains, never below zero."""
        left = max(self.remaining(key) - price, 0)
        self._remaining[key] = left
        return left

    def set_all(self, credit_count: int) -> None:
        """Give every key, seen or not, so many credits."""
        self._remaining.clear()
        self._start = credit_count
