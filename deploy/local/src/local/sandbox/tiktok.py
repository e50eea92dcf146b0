"""The TikTok endpoints: what a page of the searches for videos and a profile hold.

Rule: content follows from the world and the request; the only state is which profiles this run has served.
"""

import time
from datetime import UTC, datetime

from local.sandbox.answer import Answer, Endpoint, Kind, Params, Twist, compact, error, load, members
from local.sandbox.aweme import Shelf, Source, Style
from local.sandbox.person import Person
from local.sandbox.splice import Part
from local.sandbox.tiktok_list import PeopleLists
from local.sandbox.tiktok_person import find, profile_body
from local.sandbox.tiktok_post import PostList
from local.sandbox.world import Listing, World

KEYWORD_PAGE = 30
HASHTAG_PAGE = 12
CACHE_AGES = ("1d", "3d", "7d", "14d", "30d")
UNRELATED = "nothing-matches"
LISTED_BY = ("date_posted", "sort_by")  # parameters that change what a search finds; others are ignored, as upstream
MALFORMED_ITEM = compact({"aweme_info": {"aweme_id": None, "desc": 17, "author": "gone", "statistics": []}})


class TikTok:
    """Answers of the TikTok endpoints over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._shelf = Shelf(world)
        self._profile = load("tiktok_profile")
        self._people = PeopleLists(world)
        self._posts = PostList(world, self._shelf)
        self._hashtag = load("tiktok_search_hashtag")
        self._served_at: dict[str, float] = {}

    def endpoints(self) -> dict[str, Endpoint]:
        return {
            "/v1/tiktok/search/keyword": Endpoint(Kind.SEARCH, self.keyword),
            "/v1/tiktok/search/hashtag": Endpoint(Kind.SEARCH, self.hashtag),
            "/v1/tiktok/profile": Endpoint(Kind.PROFILE, self.profile),
            "/v3/tiktok/profile/videos": Endpoint(Kind.SEARCH, self._posts.own),
            "/v1/tiktok/user/following": Endpoint(Kind.SEARCH, self._people.following),
            "/v1/tiktok/search/users": Endpoint(Kind.SEARCH, self._people.users),
        }

    def reset(self) -> None:
        """Forget which profiles were served."""
        self._served_at.clear()

    def keyword(self, params: Params, twist: Twist) -> Answer:
        query = params.get("query", "").strip()
        if not query:
            return error(400)
        listing = self._listing("keyword", query, params, KEYWORD_PAGE)
        page = _page_number(params, KEYWORD_PAGE)
        is_trim = params.get("trim") == "true"
        items = self._items(listing, page, query, Style(Source.KEYWORD, is_trim), twist)
        end = _end(listing, page, twist)
        cursor, has_more = (None, 0) if end else ((page + 1) * KEYWORD_PAGE, 1)
        tail = {"cursor": cursor} if is_trim else {"cursor": cursor, "has_more": has_more}
        return Answer([b'"search_item_list":[', *items, b"],", *members(tail)])

    def hashtag(self, params: Params, twist: Twist) -> Answer:
        tag = params.get("hashtag", "").strip()
        if not tag:
            return error(400, "You must provide a hashtag")
        listing = self._listing("hashtag", tag, params, HASHTAG_PAGE)
        page = _page_number(params, HASHTAG_PAGE)
        is_trim = params.get("trim") == "true"
        items = self._items(listing, page, tag, Style(Source.HASHTAG, is_trim), twist)
        end = _end(listing, page, twist)
        cursor, has_more = (None, 0) if end else ((page + 1) * HASHTAG_PAGE, 1)
        rest = {key: self._hashtag[key] for key in ("extra", "log_pb", "status_code", "status_msg")}
        tail = {"cursor": cursor} if is_trim else {"cursor": cursor, "has_more": has_more, **rest}
        return Answer([b'"aweme_list":[', *items, b"],", *members(tail)])

    def profile(self, params: Params, twist: Twist) -> Answer:
        handle, uid = params.get("handle"), params.get("user_id")
        if not handle and not uid:
            return error(400, "You must provide a handle or user_id")
        if twist is not Twist.NONE:
            empty = {"user": None if twist is Twist.EMPTY_PAGE else "gone", "stats": [], "itemList": []}
            return Answer(members(empty))
        found = find(self._world, handle, uid)
        if isinstance(found, Answer):
            return found
        return self._cached(found) if params.get("cache_max_age") in CACHE_AGES else self._live(found)

    def _cached(self, person: Person) -> Answer:
        served_at = self._served_at.get(person.uid)
        if served_at is None:
            return self._live(person)
        body = profile_body(self._profile, person, self._world.seed)
        body.pop("statsV2", None)
        at = datetime.fromtimestamp(served_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Answer(members({**body, "cached": True, "cached_at": at}), price=0, is_cached=True)

    def _live(self, person: Person) -> Answer:
        self._served_at.setdefault(person.uid, time.time())
        return Answer(members(profile_body(self._profile, person, self._world.seed)))

    def _listing(self, kind: str, query: str, params: Params, page_size: int) -> Listing:
        shaped = [f"{name}={params[name]}" for name in LISTED_BY if name in params]
        key = " ".join([kind, UNRELATED if UNRELATED in query.lower() else query.lower(), *shaped])
        return self._world.listing(key, page_size)

    def _items(self, listing: Listing, page: int, query: str, style: Style, twist: Twist) -> list[Part]:
        """The items with their commas; a query that matches nothing gets the same unrelated page each time."""
        if twist is Twist.EMPTY_PAGE:
            return []
        is_unrelated = UNRELATED in query.lower()
        slots = listing.page(0 if is_unrelated else page)
        topic = "" if is_unrelated else query
        rendered = [self._shelf.item(listing.key, slot, topic, style) for slot in slots]
        if twist is Twist.MALFORMED_ITEM and rendered:
            rendered[len(rendered) // 2] = [MALFORMED_ITEM]
        parts: list[Part] = []
        for index, item in enumerate(rendered):
            parts += [b",", *item] if index else item
        return parts


def _page_number(params: Params, page_size: int) -> int:
    """A cursor is a count of items; what is no number counts as none, as upstream."""
    cursor = params.get("cursor", "")
    return int(cursor) // page_size if cursor.isascii() and cursor.isdigit() else 0


def _end(listing: Listing, page: int, twist: Twist) -> bool:
    return twist is not Twist.EMPTY_PAGE and UNRELATED not in listing.key and listing.is_last(page)
