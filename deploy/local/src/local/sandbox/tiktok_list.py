"""The lists of people on TikTok: whom somebody follows, and who is found by name.

Rule: a list is arithmetic, not a list. Of a few people next in line it takes the one who fits best, so that those whom
somebody follows share their interests more often than chance would have it, and a name finds similar names.
"""

from collections.abc import Callable
from typing import Any

from local.sandbox.answer import Answer, Params, Twist, error, load, members
from local.sandbox.aweme import AVATAR_SIZES, NEWEST_AT, avatar_urls
from local.sandbox.draw import Draw
from local.sandbox.interest import interests
from local.sandbox.person import Person
from local.sandbox.tiktok_person import created_at, find, told_bio
from local.sandbox.world import World

FOLLOWING_PAGE = 20
FOLLOWED_CHOICE = 3  # people among whom each one followed is chosen
FOLLOWED_EVERY_S = 40_000
USER_PAGE = 30
USER_COUNT_MAX = 75
USER_CHOICE = 8
UNRELATED = "nothing-matches"
UNCOUNTED_PERCENT = 50  # of the people found by name seem to follow nobody, or one
NAMES = ("uid", "unique_id", "nickname", "sec_uid", "follower_count", "following_count", "avatar_medium")
TRIM_KEYS = (*NAMES, "create_time", "language", "region", "signature")
MALFORMED_ITEM = {"uid": None, "unique_id": 17, "avatar_medium": []}


class PeopleLists:
    """Answers of the endpoints that list people, over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._following = load("tiktok_user_following")
        self._users = load("tiktok_search_users")

    def following(self, params: Params, twist: Twist) -> Answer:
        if not params.get("handle"):
            return error(400, "You must provide a handle")
        found = find(self._world, params.get("handle"), None)
        if isinstance(found, Answer):
            return found
        total = 0 if found.is_private else followed_count(self._world, found)
        rank = min(_rank(params.get("min_time", "")), total)
        end = rank if twist is Twist.EMPTY_PAGE else min(rank + FOLLOWING_PAGE, total)
        people = [self._followed(number) for number in followed_numbers(self._world, found, rank, end)]
        listed = _spoilt(people, twist)
        place = {"min_time": NEWEST_AT - end * FOLLOWED_EVERY_S if total else 0, "total": total}
        if params.get("trim") == "true":
            return Answer(members({"followings": [_trimmed(one, TRIM_KEYS) for one in listed], **place}))
        has_more = end < total
        return Answer(members(self._following_body(listed, {**place, "has_more": has_more, "rec_has_more": has_more})))

    def users(self, params: Params, twist: Twist) -> Answer:
        query = params.get("query", "").strip()
        if not query:
            return error(400)
        total = 0 if UNRELATED in query.lower() else min(USER_COUNT_MAX, self._world.population // USER_CHOICE)
        cursor = params.get("cursor", "")
        start = min(int(cursor), total) if cursor.isascii() and cursor.isdigit() else 0
        end = start if twist is Twist.EMPTY_PAGE else min(start + USER_PAGE, total)
        people = _spoilt([self._found(number) for number in self._named(query, start, end)], twist)
        if params.get("trim") == "true":
            return Answer(members({"users": [_trimmed(one, NAMES) for one in people], "cursor": end}))
        body = {**_without_envelope(self._users), "cursor": end, "has_more": int(end < total), "input_keyword": query}
        entry = self._users["user_list"][0]
        return Answer(members({**body, "user_list": [{**entry, "user_info": one} for one in people]}))

    def _following_body(self, people: list[dict[str, Any]], place: dict[str, object]) -> dict[str, Any]:
        return {**_without_envelope(self._following), "followings": people, **place, "max_time": NEWEST_AT}

    def _followed(self, number: int) -> dict[str, Any]:
        """With real counts, bio, region and language; both flags of a private account are 0 all the same."""
        one = self._world.person(number)
        return {
            **self._following["followings"][0],
            **_identity(one),
            "following_count": one.following_count,
            "create_time": created_at(one),
            "signature": told_bio(self._world.seed, one),
            "region": one.region,
            "language": one.language,
        }

    def _found(self, number: int) -> dict[str, Any]:
        """Without a bio; half of them seem to follow nobody, or one."""
        one = self._world.person(number)
        chance = Draw(self._world.seed, "found", number)
        following = chance.below(2) if chance.chance(UNCOUNTED_PERCENT) else one.following_count
        names = {"search_user_desc": one.nickname, "search_user_name": one.handle}
        return {**self._users["user_list"][0]["user_info"], **_identity(one), **names, "following_count": following}

    def _named(self, query: str, start: int, end: int) -> list[int]:
        words = set(query.lower().split())

        def fits(number: int) -> bool:
            return not words.isdisjoint(self._world.person(number).nickname.lower().split())

        line = _Line(self._world, ("users", query.lower()), USER_CHOICE)
        return [line.best(rank, fits) for rank in range(start, end)]


class _Line:
    """All people of a world in an order of its own, cut into as many choices as are needed."""

    def __init__(self, world: World, names: tuple[object, ...], size: int) -> None:
        chance = Draw(world.seed, *names)
        self._start, self._stride = chance.below(world.population), 1 + chance.below(world.population - 1)
        self._population, self._size = world.population, size

    def best(self, rank: int, fits: Callable[[int], bool]) -> int:
        """The first of the choice who fits, else the first."""
        places = range(rank * self._size, (rank + 1) * self._size)
        numbers = [(self._start + self._stride * place) % self._population for place in places]
        return next(filter(fits, numbers), numbers[0])


def followed_count(world: World, person: Person) -> int:
    """How many people somebody follows, as far as there are people."""
    return min(person.following_count, (world.population - 1) // FOLLOWED_CHOICE)


def followed_numbers(world: World, person: Person, start: int, end: int) -> list[int]:
    """Some of those whom somebody follows, the newest first; each once, never the person, nobody who is gone."""
    own = {interest.name for interest in interests(world.seed, person.number)}

    def fits(number: int) -> bool:
        shared = {interest.name for interest in interests(world.seed, number)} & own
        return bool(shared) and number != person.number and world.person(number).absence is None

    line = _Line(world, ("followed", person.number), FOLLOWED_CHOICE)
    chosen = (line.best(rank, fits) for rank in range(start, min(end, followed_count(world, person))))
    return [number for number in chosen if number != person.number and world.person(number).absence is None]


def _identity(person: Person) -> dict[str, Any]:
    return {
        "uid": person.uid,
        "unique_id": person.handle,
        "nickname": person.nickname,
        "sec_uid": person.sec_uid,
        "avatar_uri": f"tos-useast5-avt-0068-tx/{person.avatar_hash}",
        "follower_count": person.follower_count,
        "aweme_count": person.video_count,
        "total_favorited": person.heart_count,
        "custom_verify": "Verified account" if person.is_verified else "",
        "verification_type": int(person.is_verified),
        **{f"avatar_{name}": _picture(person, size) for name, size in AVATAR_SIZES.items()},
    }


def _picture(person: Person, size: int) -> dict[str, Any]:
    uri = f"tos-useast5-avt-0068-tx/{person.avatar_hash}"
    urls = avatar_urls(person, size)
    return {"data_size": 0, "height": 720, "uri": uri, "url_list": urls, "url_prefix": None, "width": 720}


def _rank(cursor: str) -> int:
    """How many people lie before the cursor; what is no cursor of ours gets page 1, as upstream."""
    if not (cursor.isascii() and cursor.isdigit()):
        return 0
    return max(0, (NEWEST_AT - int(cursor)) // FOLLOWED_EVERY_S) if int(cursor) else 0


def _spoilt(people: list[dict[str, Any]], twist: Twist) -> list[dict[str, Any]]:
    if twist is Twist.MALFORMED_ITEM and people:
        people[len(people) // 2] = MALFORMED_ITEM
    return people


def _trimmed(one: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key in keys}


def _without_envelope(sample: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in sample.items() if key not in ("success", "credits_remaining", "credits_charged")
    }
