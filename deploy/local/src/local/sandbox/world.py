"""Who there is, and which of them a query finds in which order.

Rule: a listing is arithmetic, not a list: any page of any query costs the same, and two queries share some people.
"""

from dataclasses import dataclass
from functools import lru_cache

from local.sandbox.draw import Draw
from local.sandbox.person import Person, number_of_handle, number_of_uid, person

POPULATION_PER_QUERY = 5  # so that two queries share about a fifth of their people
NARROW_VIDEO_COUNT = 38
DUPLICATE_PAGE_PERCENT = 20


@dataclass(frozen=True, slots=True)
class Slot:
    """One place on a page: the video's number in its listing and the author's number in the world."""

    video: int
    author: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The videos that one query finds, a page at a time."""

    seed: int
    key: str
    page_size: int
    fresh_per_page: int  # the other places of a full page repeat an author, or a whole video
    video_count: int
    population: int

    def page(self, number: int) -> list[Slot]:
        """The slots of a page; fewer on the last, none beyond it."""
        start = number * self.page_size
        size = min(self.page_size, max(self.video_count - start, 0))
        if size < self.page_size:
            return [self._fresh(number, j, start + j) for j in range(size)]
        fresh = iter(self._fresh_slots(number))
        repeats = iter(self._repeats(number, size))
        places = self._repeat_places(number)
        return [next(repeats) if place in places else next(fresh) for place in range(size)]

    def is_last(self, number: int) -> bool:
        return (number + 1) * self.page_size >= self.video_count

    def _fresh(self, page: int, place: int, video: int) -> Slot:
        chance = Draw(self.seed, "listing", self.key)
        start, stride = chance.below(self.population), 1 + chance.below(self.population - 1)
        rank = page * self.fresh_per_page + place
        return Slot(video, (start + stride * rank) % self.population)

    def _repeat_places(self, page: int) -> frozenset[int]:
        chance = Draw(self.seed, "places", self.key, page)
        places = list(range(1, self.page_size))
        return frozenset(places.pop(chance.below(len(places))) for _ in range(self.page_size - self.fresh_per_page))

    def _fresh_slots(self, page: int) -> list[Slot]:
        places = self._repeat_places(page)
        free = [place for place in range(self.page_size) if place not in places]
        return [self._fresh(page, j, page * self.page_size + place) for j, place in enumerate(free)]

    def _repeats(self, page: int, size: int) -> list[Slot]:
        """On the odd page videos of the page before; else new videos of this page's people and of one met before."""
        chance = Draw(self.seed, "repeats", self.key, page)
        earlier = self._fresh_slots(page - 1) if page else []
        count = size - self.fresh_per_page
        if earlier and chance.chance(DUPLICATE_PAGE_PERCENT):
            first = chance.below(len(earlier))
            return [earlier[(first + j) % len(earlier)] for j in range(count)]
        own = self._fresh_slots(page)
        authors = [chance.pick(own).author for _ in range(count)]
        if earlier:
            authors[-1] = chance.pick(earlier).author
        places = sorted(self._repeat_places(page))
        return [Slot(page * self.page_size + place, author) for place, author in zip(places, authors, strict=True)]


class World:
    """All the people of a seed, and how queries reach them."""

    def __init__(self, seed: int, people: int) -> None:
        self.seed = seed
        self.people = people
        self.population = _prime_from(max(people * POPULATION_PER_QUERY, 7))
        self.person = lru_cache(maxsize=8192)(self._person)

    def _person(self, number: int) -> Person:
        return person(self.seed, number)

    def find(self, handle: str | None, uid: str | None) -> Person | None:
        """The person of this handle (any case, with or without @) or, failing a handle, of this uid."""
        wanted = handle.lower().lstrip("@") if handle else None
        number = number_of_handle(wanted) if wanted is not None else number_of_uid(self.seed, uid or "")
        if number is None or number >= self.population:
            return None
        found = self.person(number)
        return found if wanted in (None, found.handle) else None

    def listing(self, key: str, page_size: int) -> Listing:
        """What the query of this key finds; a key with "narrow" in it finds 38 videos."""
        fresh = page_size - page_size * 7 // 30
        full_pages, rest = divmod(self.people, fresh)
        video_count = NARROW_VIDEO_COUNT if "narrow" in key else full_pages * page_size + rest
        return Listing(self.seed, key, page_size, fresh, video_count, self.population)


def _prime_from(number: int) -> int:
    """The first prime not below the number: every stride then visits the whole population."""
    while any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number += 1
    return number
