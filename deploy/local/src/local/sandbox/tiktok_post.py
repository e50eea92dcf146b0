"""The videos of one TikTok account, newest first, with what it pinned in front.

Rule: a list is arithmetic, not a list: every person posts at a pace of their own, and a cursor is a time in that pace.
"""

from local.sandbox.answer import Answer, Params, Twist, compact, error, load, members
from local.sandbox.aweme import NEWEST_AT, Post, Shelf
from local.sandbox.caption import Mention
from local.sandbox.draw import Draw
from local.sandbox.person import Person
from local.sandbox.splice import Part
from local.sandbox.tiktok_list import followed_numbers
from local.sandbox.tiktok_person import find
from local.sandbox.world import World

PAGE_SIZE = 10
PIN_COUNT_MAX = 3
PIN_AGE_S = 500 * 86_400
PACE_S_MIN, PACE_S_SPAN = 86_400 // 2, 9 * 86_400  # between two videos
HIDDEN_PERCENT = 6  # of the accounts are empty unless seen from the US
MENTION_PERCENT = 18
MALFORMED_ITEM = compact({"aweme_id": None, "desc": 17, "author": "gone", "statistics": []})


class PostList:
    """Answers of `/v3/tiktok/profile/videos` over one world."""

    def __init__(self, world: World, shelf: Shelf) -> None:
        self._world = world
        self._shelf = shelf
        sample = load("tiktok_profile_videos")
        self._tail = {key: sample[key] for key in ("extra", "log_pb", "status_code", "status_msg", "has_locate_item")}

    def own(self, params: Params, twist: Twist) -> Answer:
        if not params.get("handle") and not params.get("user_id"):
            return error(400, "You must provide a handle or user_id")
        found = find(self._world, params.get("handle"), params.get("user_id"))
        if isinstance(found, Answer):
            return found
        is_trim = params.get("trim") == "true"
        pace = Draw(self._world.seed, "pace", found.number).below(PACE_S_SPAN) + PACE_S_MIN
        if twist is Twist.EMPTY_PAGE or found.is_private or self._is_hidden(found, params):
            return self._answer([], {"max_cursor": 0, "min_cursor": 0, "has_more": 0}, is_trim=is_trim)
        rank = _rank(params.get("max_cursor", ""), pace)
        posts = [] if rank else self._pinned(found)
        end = min(rank + PAGE_SIZE - len(posts), found.video_count)
        posts += [Post(one, self._created_at(found, one, pace), is_pinned=False) for one in range(rank, end)]
        items = [self._shelf.own_item(found, post, self._mentioned(found, post), is_trim=is_trim) for post in posts]
        if twist is Twist.MALFORMED_ITEM and items:
            items[len(items) // 2] = [MALFORMED_ITEM]
        place = {
            "max_cursor": (NEWEST_AT - end * pace) * 1000,
            "min_cursor": (NEWEST_AT - rank * pace) * 1000,
            "has_more": int(end < found.video_count),
        }
        return self._answer(items, place, is_trim=is_trim)

    def _is_hidden(self, person: Person, params: Params) -> bool:
        chance = Draw(self._world.seed, "hidden", person.number)
        return chance.chance(HIDDEN_PERCENT) and params.get("region", "GB").upper() != "US"

    def _pinned(self, person: Person) -> list[Post]:
        """Old ones, which stand in no other place."""
        chance = Draw(self._world.seed, "pinned", person.number)
        count = chance.below(PIN_COUNT_MAX + 1)
        return [Post(-1 - one, NEWEST_AT - PIN_AGE_S - chance.below(PIN_AGE_S), is_pinned=True) for one in range(count)]

    def _created_at(self, person: Person, rank: int, pace: int) -> int:
        return NEWEST_AT - rank * pace - Draw(self._world.seed, "jitter", person.number, rank).below(pace)

    def _mentioned(self, person: Person, post: Post) -> Mention | None:
        """Now and then one of the first people whom the author follows."""
        chance = Draw(self._world.seed, "mention", person.number, post.number)
        if not chance.chance(MENTION_PERCENT):
            return None
        followed = followed_numbers(self._world, person, 0, 3)
        one = self._world.person(chance.pick(followed)) if followed else None
        return one and Mention(one.handle, one.uid, one.sec_uid)

    def _answer(self, items: list[list[Part]], place: dict[str, int], *, is_trim: bool) -> Answer:
        parts: list[Part] = []
        for index, item in enumerate(items):
            parts += [b",", *item] if index else item
        tail = {"max_cursor": place["max_cursor"]} if is_trim else {**self._tail, **place}
        return Answer([b'"aweme_list":[', *parts, b"],", *members(tail)])


def _rank(cursor: str, pace: int) -> int:
    """How many videos lie before the cursor; what is no cursor of ours gets page 1, as upstream."""
    if not (cursor.isascii() and cursor.isdigit()):
        return 0
    return max(0, (NEWEST_AT * 1000 - int(cursor)) // (pace * 1000))
