"""What is used most among a few posts."""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def most_used(values: Iterable[T], count_max: int | None = None) -> tuple[T, ...]:
    """Each value once, the most frequent first, equally frequent ones in the order given."""
    return tuple(value for value, _ in Counter(values).most_common(count_max))


def most_used_spellings(tags: Iterable[str]) -> tuple[str, ...]:
    """The hashtags, the most used first whatever their case, each as it was first written."""
    written = list(tags)
    spellings: dict[str, str] = {}
    for tag in written:
        spellings.setdefault(tag.casefold(), tag)
    return tuple(spellings[folded] for folded in most_used(tag.casefold() for tag in written))
