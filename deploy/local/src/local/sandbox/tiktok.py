"""The TikTok endpoints: what a search page and a profile hold.

Rule: content follows from the world and the request; the only state is which profiles this run has served.
"""

import time
from datetime import UTC, datetime
from typing import Any

from local.sandbox.answer import Answer, Endpoint, Kind, Params, Twist, compact, error, load, members
from local.sandbox.aweme import Shelf, Style
from local.sandbox.person import Absence, Person
from local.sandbox.splice import Part
from local.sandbox.world import Listing, World

KEYWORD_PAGE = 30
HASHTAG_PAGE = 12
CACHE_AGES = ("1d", "3d", "7d", "14d", "30d")
UNRELATED = "nothing-matches"
LISTED_BY = ("date_posted", "sort_by")  # parameters that change what a search finds; others are ignored, as upstream
AVATAR_URL = (
    "https://p16-common-sign.tiktokcdn-us.com/tos-useast5-avt-0068-tx/{hash}~tplv-tiktokx-cropcenter:{size}:{size}.jpeg"
    "?dr=9640&refresh_token={token}&x-expires=1789797600&x-signature=DEMO%3D&t=4d5b0474&ps=13740610&idc=useast5"
)
MALFORMED_ITEM = compact({"aweme_info": {"aweme_id": None, "desc": 17, "author": "gone", "statistics": []}})


class TikTok:
    """Answers of the TikTok endpoints over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._shelf = Shelf(world)
        self._profile = load("tiktok_profile")
        self._hashtag = load("tiktok_search_hashtag")
        self._served_at: dict[str, float] = {}

    def endpoints(self) -> dict[str, Endpoint]:
        return {
            "/v1/tiktok/search/keyword": Endpoint(Kind.SEARCH, self.keyword),
            "/v1/tiktok/search/hashtag": Endpoint(Kind.SEARCH, self.hashtag),
            "/v1/tiktok/profile": Endpoint(Kind.PROFILE, self.profile),
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
        items = self._items(listing, page, query, Style(is_hashtag=False, is_trim=is_trim), twist)
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
        items = self._items(listing, page, tag, Style(is_hashtag=True, is_trim=is_trim), twist)
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
        found = self._world.find(handle, uid)
        if found is None or found.absence is Absence.STATUS:
            return error(404)
        if found.absence is Absence.FLAG:
            return Answer(members({"accountDoesNotExist": True, "message": "Account doesn't exist"}))
        return self._cached(found) if params.get("cache_max_age") in CACHE_AGES else self._live(found)

    def _cached(self, person: Person) -> Answer:
        served_at = self._served_at.get(person.uid)
        if served_at is None:
            return self._live(person)
        body = profile_body(self._profile, person)
        body.pop("statsV2", None)
        at = datetime.fromtimestamp(served_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Answer(members({**body, "cached": True, "cached_at": at}), price=0, is_cached=True)

    def _live(self, person: Person) -> Answer:
        self._served_at.setdefault(person.uid, time.time())
        return Answer(members(profile_body(self._profile, person)))

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


def profile_body(sample: dict[str, Any], person: Person) -> dict[str, Any]:
    """The profile of a person who exists, with the keys of the sample and without the envelope."""
    names = {"hash": person.avatar_hash, "token": person.avatar_hash[:8]}
    user: dict[str, Any] = {
        **sample["user"],
        "id": person.uid,
        "uniqueId": person.handle,
        "nickname": person.nickname,
        "avatarLarger": AVATAR_URL.format(size=1080, **names),
        "avatarMedium": AVATAR_URL.format(size=720, **names),
        "avatarThumb": AVATAR_URL.format(size=100, **names),
        "signature": person.bio,
        "createTime": 1_500_000_000 + int(person.uid) % 260_000_000,
        "verified": person.is_verified,
        "secUid": person.sec_uid,
        "privateAccount": person.is_private,
        "language": person.language,
        "bioLink": {"link": person.bio_link, "risk": 3},
    }
    if person.bio_link is None:
        del user["bioLink"]
    body: dict[str, Any] = {"user": user, "stats": _rounded(person), "statsV2": _exact(person), "itemList": []}
    if not person.has_exact_stats:
        del body["statsV2"]
    return body


def _counts(person: Person) -> dict[str, int]:
    return {
        "followerCount": person.follower_count,
        "followingCount": person.following_count,
        "heart": person.heart_count,
        "heartCount": person.heart_count,
        "videoCount": person.video_count,
        "diggCount": 0,
        "friendCount": min(person.following_count, 41),
    }


def _rounded(person: Person) -> dict[str, int]:
    """Three digits for big counts, and `heartCount` overflows 32 bits, as seen."""
    counts = {name: _three_digits(count) for name, count in _counts(person).items()}
    counts["heartCount"] = (person.heart_count + 2**31) % 2**32 - 2**31
    return counts


def _exact(person: Person) -> dict[str, str]:
    return {name: str(count) for name, count in _counts(person).items()}


def _three_digits(count: int) -> int:
    unit = 10 ** max(len(str(count)) - 3, 0)
    return count if count < 10_000 else count // unit * unit
