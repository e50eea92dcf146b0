"""Whom a query finds on Instagram, and whom Instagram shows beside somebody.

Rule: both follow from the seed and what people care about. Whoever cares about what a query says comes first, anybody
else after them; of those beside somebody most share an interest.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from local.sandbox.draw import Draw
from local.sandbox.interest import INTERESTS, interests
from local.sandbox.person import Person
from local.sandbox.world import World

FOUND_COUNT_MAX = 110
NARROW_COUNT = 14
RELATED_COUNT_MIN, RELATED_SPREAD = 30, 11
STRANGER_EVERY = 5  # one of so many related people is an acquaintance of other interests


class Index:
    """Over one world; who cares about what is gathered once, when first asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._members: dict[str, list[int]] = {}
        self.found = lru_cache(maxsize=512)(self._found)

    def _found(self, query: str) -> tuple[int, ...]:
        """The numbers of the people whom a query finds, in its order; those who are gone are among them."""
        count = NARROW_COUNT if "narrow" in query.lower() else FOUND_COUNT_MAX
        chance = Draw(self._world.seed, "instagram found", query.lower())
        fitting = self._of_interests(named_interests(query))
        rest = range(self._world.population)
        chosen = dict.fromkeys([*_some(chance, fitting, count), *_some(chance, rest, count)])
        return tuple(chosen)[:count]

    def related(self, person: Person) -> list[int]:
        """The numbers of those beside a person: each once, never the person, nobody who is gone."""
        chance = Draw(self._world.seed, "instagram related", person.number)
        count = RELATED_COUNT_MIN + chance.below(RELATED_SPREAD)
        own = frozenset(one.name for one in interests(self._world.seed, person.number))
        strangers = _some(chance, range(self._world.population), count // STRANGER_EVERY)
        alike = _some(chance, self._of_interests(own), count - len(strangers))
        chosen = dict.fromkeys([*alike, *strangers])
        return [one for one in chosen if one != person.number and self._world.person(one).absence is None]

    def _of_interests(self, names: frozenset[str]) -> list[int]:
        if not self._members:
            for number in range(self._world.population):
                for name in {one.name for one in interests(self._world.seed, number)}:
                    self._members.setdefault(name, []).append(number)
        return sorted({number for name in names for number in self._members.get(name, ())})


def named_interests(query: str) -> frozenset[str]:
    """The interests that a word of the query, in singular or plural, a hashtag or a category names."""
    words = _singulars(query)
    return frozenset(
        one.name
        for one in INTERESTS
        if words & _singulars(" ".join((*one.words, *one.hashtags, one.name)))
        or query.lower().strip() == one.category.lower()
    )


def _singulars(text: str) -> set[str]:
    return {word.removesuffix("s") for word in re.findall(r"\w+", text.lower())}


def _some(chance: Draw, numbers: Sequence[int], count: int) -> list[int]:
    """So many of the numbers, each once, in an order that belongs to the draw."""
    if not numbers:
        return []
    places = range(len(numbers))
    ranked = dict.fromkeys(chance.pick(places) for _ in range(3 * count))
    return [numbers[place] for place in list(ranked)[:count]]
