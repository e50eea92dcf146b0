"""The YouTube endpoints: what a search page, a channel and a list of its videos hold.

Rule: content follows from the world and the request; the only state is which channels this run has served.
"""

import base64
import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from local.sandbox.answer import Answer, Endpoint, Kind, Params, Twist, error, load, members
from local.sandbox.draw import Draw
from local.sandbox.interest import INTERESTS, interests
from local.sandbox.person import Absence
from local.sandbox.tiktok import CACHE_AGES
from local.sandbox.world import NARROW_VIDEO_COUNT, Listing, World
from local.sandbox.youtube_channel import ID_PATTERN, Channel, body, channel, find, find_page
from local.sandbox.youtube_video import SHELF_TITLE, Shelf

SEARCH_PAGE = 20
OWN_PAGE = 30
UNMATCHED = "nothing"
LISTED_BY = ("uploadDate", "sortBy", "type", "duration")  # parameters that change what a search finds
FRESH_PER_PAGE = 16
SHORT_COUNT, BARE_SHORT_COUNT, CARD_COUNT = 3, 2, 3
LIVE_PERCENT = 30
MEMBER_COUNT_MIN = 7
TOKEN_HEAD, TOKEN_LENGTH = "EpoDEg", 600
KINDS = ("videos", "channels", "playlists", "shorts", "shelves", "lives")
MALFORMED_VIDEO = {"type": "video", "id": None, "title": 17, "channel": "gone", "viewCountInt": []}
GONE = {
    "accountDoesNotExist": True,
    "message": "Account doesn't exist",
    "error": "not_found",
    "errorStatus": 404,
}


class YouTube:
    """Answers of the YouTube endpoints over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._shelf = Shelf(world.seed)
        self._sample = load("youtube_channel")
        self._served_at: dict[str, float] = {}
        self._members = lru_cache(maxsize=256)(self._members_of)
        self._likings: list[frozenset[str]] = []

    def endpoints(self) -> dict[str, Endpoint]:
        return {
            "/v1/youtube/search": Endpoint(Kind.SEARCH, self.search),
            "/v1/youtube/search/hashtag": Endpoint(Kind.SEARCH, self.hashtag),
            "/v1/youtube/channel": Endpoint(Kind.PROFILE, self.channel),
            "/v1/youtube/channel-videos": Endpoint(Kind.SEARCH, self.channel_videos),
        }

    def reset(self) -> None:
        """Forget which channels were served."""
        self._served_at.clear()

    def search(self, params: Params, twist: Twist) -> Answer:
        """Videos, and beside them shorts, lives, channels, playlists and shelves; nothing for what matches nothing."""
        query = params.get("query", "").strip()
        if not query:
            return error(400)
        key = _key("youtube", query, params)
        arrays: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        if UNMATCHED in query.lower():
            return Answer(members({**arrays, "continuationToken": None}))
        page = page_number(self._world.seed, key, params)
        listing = self._listing(key, query)
        if twist is not Twist.EMPTY_PAGE:
            has_extras = params.get("includeExtras") == "true"
            arrays["videos"] = self._videos(listing, page, query, has_extras=has_extras)
            self._add_others(arrays, listing, page, query)
        return self._page(arrays, key, page, twist, is_last=listing.is_last(page))

    def hashtag(self, params: Params, twist: Twist) -> Answer:
        """Videos with a description, whose channels have no handle."""
        tag = params.get("hashtag", "").strip().lstrip("#")
        if not tag:
            return error(400, "You must provide a hashtag")
        if UNMATCHED in tag.lower():
            return Answer(members({"videos": [], "continuationToken": None}))
        key = _key("youtube hashtag", tag, params)
        page = page_number(self._world.seed, key, params)
        listing = self._listing(key, tag)
        videos = [] if twist is Twist.EMPTY_PAGE else self._videos(listing, page, tag, has_extras=False)
        for video in videos:
            del video["channel"]["handle"]
            video["description"] = f"#{tag}" if len(video["title"]) % 2 else ""
        return self._page({"videos": videos}, key, page, twist, is_last=listing.is_last(page))

    def channel(self, params: Params, twist: Twist) -> Answer:
        """Who a channel is. Nobody, or an id sent as a handle, is a 404 that says success and costs a credit."""
        if not any(params.get(name) for name in ("channelId", "handle", "url")):
            return error(400, "You must provide a channelId, handle or url")
        if twist is not Twist.NONE:
            return Answer(members({**self._sample, "channelId": None if twist is Twist.EMPTY_PAGE else 17}))
        found = self._find(params)
        if found is None or found.person.absence is Absence.STATUS:
            return Answer(members(GONE), price=1, status=404)
        if found.person.absence is Absence.FLAG:
            return Answer(members(GONE))
        served_at = self._served_at.get(found.id) if params.get("cache_max_age") in CACHE_AGES else None
        told = body(self._sample, found)
        if served_at is None:
            self._served_at.setdefault(found.id, time.time())
            return Answer(members(told))
        at = datetime.fromtimestamp(served_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Answer(members({**told, "cached": True, "cached_at": at}), price=0, is_cached=True)

    def channel_videos(self, params: Params, twist: Twist) -> Answer:
        """Thirty of a channel's own videos, the newest first whatever `sort` says."""
        if not any(params.get(name) for name in ("channelId", "handle")):
            return error(400, "You must provide a channelId or handle")
        found = self._find(params)
        if found is None or found.person.absence is not None:
            return Answer(members(GONE), price=1, status=404)
        key = f"youtube videos {found.id}"
        page = page_number(self._world.seed, key, params)
        arrays: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        last = min((page + 1) * OWN_PAGE, found.person.video_count)
        if twist is not Twist.EMPTY_PAGE:
            arrays["videos"] = [self._shelf.own_video(found, place) for place in range(page * OWN_PAGE, last)]
        return self._page(arrays, key, page, twist, is_last=last >= found.person.video_count)

    def _find(self, params: Params) -> Channel | None:
        channel_id, handle = params.get("channelId"), params.get("handle")
        if channel_id:
            return find(self._world, channel_id) if ID_PATTERN.fullmatch(channel_id) else None
        if handle:
            return None if ID_PATTERN.fullmatch(handle) else find(self._world, handle)
        return find_page(self._world, params["url"])

    def _listing(self, key: str, query: str) -> Listing:
        """The videos that a query finds: those of people with the interest that it names, else of anybody."""
        population = _prime_up_to(len(self._members(_named_interests(query))))
        full_pages, rest = divmod(min(self._world.people, population), FRESH_PER_PAGE)
        video_count = NARROW_VIDEO_COUNT if "narrow" in key else full_pages * SEARCH_PAGE + rest
        return Listing(self._world.seed, key, SEARCH_PAGE, FRESH_PER_PAGE, video_count, population)

    def _members_of(self, names: frozenset[str]) -> tuple[int, ...]:
        """The numbers of the people who have one of these interests; everybody if there is none, or hardly anyone."""
        everybody = range(self._world.population)
        if not names:
            return tuple(everybody)
        if not self._likings:
            seed = self._world.seed
            self._likings = [frozenset(one.name for one in interests(seed, number)) for number in everybody]
        found = tuple(number for number in everybody if names & self._likings[number])
        return found if len(found) >= MEMBER_COUNT_MIN else tuple(everybody)

    def _authors(self, listing: Listing, page: int, query: str) -> list[tuple[int, Channel]]:
        """The video's number and the channel for each place of a page."""
        numbers = self._members(_named_interests(query))
        return [(slot.video, channel(self._world, numbers[slot.author])) for slot in listing.page(page)]

    def _videos(self, listing: Listing, page: int, query: str, *, has_extras: bool) -> list[dict[str, Any]]:
        return [
            self._shelf.video(author, (listing.key, video), query, has_extras=has_extras)
            for video, author in self._authors(listing, page, query)
        ]

    def _add_others(self, arrays: dict[str, list[Any]], listing: Listing, page: int, query: str) -> None:
        """What stands beside the videos, by people of the same page; most of it on the first page only."""
        authors = [author for _, author in self._authors(listing, page, query)]
        if not authors:
            return
        chance = Draw(self._world.seed, "youtube others", listing.key, page)
        names = (listing.key, page)
        shorts = [self._shelf.short(chance.pick(authors), (*names, "s", j), query) for j in range(SHORT_COUNT)]
        bare = [self._shelf.bare_short((*names, j), query) for j in range(BARE_SHORT_COUNT)]
        arrays["shorts"] = [*shorts, *bare]
        if chance.chance(LIVE_PERCENT):
            live = self._shelf.video(chance.pick(authors), (*names, "live"), query, has_extras=False)
            arrays["lives"] = [{**live, "type": "live", "viewCountText": f"{live['viewCountInt']:,} watching"}]
        if page == 0:
            first = authors[0]
            latest = [self._shelf.video(first, (*names, "shelf", j), query, has_extras=False) for j in range(2)]
            sparks = [self._shelf.bare_short((*names, "shelf", j), query) for j in range(3)]
            arrays["channels"] = [self._shelf.card(one) for one in dict.fromkeys(authors)][:CARD_COUNT]
            arrays["playlists"] = [self._shelf.playlist(authors[-1], query)]
            arrays["shelves"] = [
                {"type": "shelf", "title": SHELF_TITLE, "items": sparks},
                {"type": "shelf", "title": f"Latest from {first.person.nickname}", "items": latest},
            ]

    def _page(self, arrays: dict[str, list[Any]], key: str, page: int, twist: Twist, *, is_last: bool) -> Answer:
        videos = arrays["videos"]
        if twist is Twist.MALFORMED_ITEM and videos:
            videos[len(videos) // 2] = MALFORMED_VIDEO
        is_end = is_last and twist is not Twist.EMPTY_PAGE
        return Answer(
            members({**arrays, "continuationToken": None if is_end else token(self._world.seed, key, page + 1)})
        )


def token(seed: int, key: str, page: int) -> str:
    """Where a page starts: long, opaque, and percent-encoded once, as the real ones are."""
    chance = Draw(seed, "youtube token", key, page)
    place = base64.urlsafe_b64encode(page.to_bytes(3, "big") + bytes.fromhex(chance.hex(6))).decode()
    return f"{TOKEN_HEAD}{place}{chance.hex(TOKEN_LENGTH)}%3D%3D"


def page_number(seed: int, key: str, params: Params) -> int:
    """The page that the token of this search names; any other text gets the first page."""
    given = params.get("continuationToken", "")
    place = given.removeprefix(TOKEN_HEAD)[:8]
    if not re.fullmatch(r"[0-9A-Za-z_-]{8}", place):
        return 0
    page = int.from_bytes(base64.urlsafe_b64decode(place)[:3], "big")
    return page if token(seed, key, page) == given else 0


def _key(kind: str, query: str, params: Params) -> str:
    return " ".join([kind, query.lower(), *(f"{name}={params[name]}" for name in LISTED_BY if name in params)])


def _named_interests(query: str) -> frozenset[str]:
    words = set(re.findall(r"\w+", query.lower()))
    return frozenset(one.name for one in INTERESTS if words & {*one.words, *one.hashtags, *one.name.split()})


def _prime_up_to(number: int) -> int:
    """The last prime not above the number: every stride then visits so many people."""
    while any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number -= 1
    return number
