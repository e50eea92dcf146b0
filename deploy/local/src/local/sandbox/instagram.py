"""The Instagram endpoints: what the three searches and a profile hold.

Rule: content follows from the world and the request; the only state is which profiles this run has served.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.sandbox.answer import Answer, Endpoint, Kind, Params, Twist, error, load, members
from local.sandbox.draw import Draw
from local.sandbox.instagram_index import Index
from local.sandbox.instagram_person import found_profile, profile_user, related_node
from local.sandbox.instagram_post import Shelf
from local.sandbox.person import Person
from local.sandbox.tiktok import CACHE_AGES
from local.sandbox.tiktok_person import find
from local.sandbox.world import World

PAGE = 10
PAGE_NUMBER_MAX = 11
FRESH_PER_PAGE = 8  # the other posts of a page are by the same people
NODE_COUNT_MAX = 12
UNMATCHED = "nothing"
NO_RELATED_PERCENT = 12  # of the profiles have no list of related ones at all
FEW_RELATED_PERCENT = 15  # have an empty one
MALFORMED_PERSON = {"id": None, "username": 17, "biography": []}
MALFORMED_POST = {"id": None, "caption": 17, "owner": "gone"}

MakePost = Callable[[Person, tuple[object, ...], str], dict[str, Any]]


class Instagram:
    """Answers of the Instagram endpoints over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._index = Index(world)
        self._shelf = Shelf(world.seed)
        self._user = load("instagram_profile")["data"]["user"]
        self._found = load("instagram_search_profiles")["profiles"][0]
        self._served_at: dict[str, float] = {}

    def endpoints(self) -> dict[str, Endpoint]:
        return {
            "/v1/instagram/profile": Endpoint(Kind.PROFILE, self.profile),
            "/v1/instagram/search/profiles": Endpoint(Kind.SEARCH, self.profiles),
            "/v1/instagram/search/hashtag": Endpoint(Kind.SEARCH, self.hashtag),
            "/v2/instagram/reels/search": Endpoint(Kind.SEARCH, self.reels),
        }

    def reset(self) -> None:
        """Forget which profiles were served."""
        self._served_at.clear()

    def profiles(self, params: Params, twist: Twist) -> Answer:
        """Ten people whom the query finds, with their bios; beyond the end an empty list, which is paid for too."""
        query, page = params.get("query", "").strip(), _page_number(params.get("cursor"))
        if not query or page is None:
            return error(400) if page else _refused_page()
        numbers = [] if UNMATCHED in query.lower() else self._index.found(query)
        people = [self._world.person(number) for number in numbers]
        present = [one for one in people if one.absence is None]
        listed = present[(page - 1) * PAGE : page * PAGE]
        told = [found_profile(self._found, one, self._world.seed) for one in listed]
        body = {"query": query, "profiles": _spoilt(told, twist, MALFORMED_PERSON)}
        return Answer(members({**body, "cursor": str(page + 1) if len(present) > page * PAGE else None}))

    def hashtag(self, params: Params, twist: Twist) -> Answer:
        """Ten posts by people who care about the tag; a 404 that costs nothing if there are none."""
        tag, page = params.get("hashtag", "").strip().lstrip("#"), _page_number(params.get("cursor"))
        if not tag or page is None:
            return error(400, "You must provide a hashtag") if page else _refused_page()
        posts, has_more = self._posts(self._shelf.post, "hashtag", tag, page)
        if not posts:
            return error(404, "No posts found")
        body = {"hashtag": tag, "media_type": "all", "posts": _spoilt(posts, twist, MALFORMED_POST)}
        return Answer(members({**body, "cursor": str(page + 1) if has_more else None}))

    def reels(self, params: Params, twist: Twist) -> Answer:
        """Ten reels; neither a cursor nor whether there are more. Any name for the page but `page` is ignored."""
        query, page = params.get("query", "").strip(), _page_number(params.get("page"))
        if not query or page is None:
            return error(400) if page else _refused_page()
        reels, _ = self._posts(self._shelf.reel, "reels", query, page)
        if not reels:
            return error(404, "No reels found for that query. You were not charged for this request.")
        return Answer(members({"reels": _spoilt(reels, twist, MALFORMED_POST)}))

    def profile(self, params: Params, twist: Twist) -> Answer:
        """Who a person is, with the newest posts and the related profiles; a cached answer is free."""
        if not params.get("handle"):
            return error(400, "You must provide a handle")
        if twist is not Twist.NONE:
            return Answer(members({"data": {"user": None if twist is Twist.EMPTY_PAGE else 17}, "status": "ok"}))
        found = find(self._world, params["handle"], None)
        if isinstance(found, Answer):
            return found
        body = {"data": {"user": self._profile(found)}, "status": "ok"}
        served_at = self._served_at.get(found.uid) if params.get("cache_max_age") in CACHE_AGES else None
        if served_at is None:
            self._served_at.setdefault(found.uid, time.time())
            return Answer(members(body))
        at = datetime.fromtimestamp(served_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Answer(members({**body, "cached": True, "cached_at": at}), price=0, is_cached=True)

    def _profile(self, person: Person) -> dict[str, Any]:
        nodes = [] if person.is_private else self._shelf.nodes(person, NODE_COUNT_MAX)
        has_more = not person.is_private and person.video_count > len(nodes)
        place = {"has_next_page": has_more, "end_cursor": "QVFDREVNT2N1cnNvcg==" if has_more else ""}
        timeline = {"count": person.video_count, "page_info": place, "edges": [{"node": node} for node in nodes]}
        user = profile_user(self._user, person, self._world.seed)
        told = {**user, "edge_owner_to_timeline_media": timeline, "edge_related_profiles": self._related(person)}
        return {name: value for name, value in told.items() if name != "edge_related_profiles" or value is not None}

    def _related(self, person: Person) -> dict[str, Any] | None:
        kind = Draw(self._world.seed, "instagram beside", person.number).below(100)
        if kind < NO_RELATED_PERCENT:
            return None
        if person.is_private or kind < NO_RELATED_PERCENT + FEW_RELATED_PERCENT:
            return {"edges": []}
        people = map(self._world.person, self._index.related(person))
        return {"edges": [{"node": related_node(one)} for one in people]}

    def _posts(self, make: MakePost, kind: str, query: str, page: int) -> tuple[list[dict[str, Any]], bool]:
        """The posts of a page, and whether there are more; of ten two are by people of the same page again. Who posts
        about something and who says so in a bio are not the same people, though some are both."""
        numbers = () if UNMATCHED in query.lower() else self._index.found(f"{query} {kind}")
        fresh = numbers[(page - 1) * FRESH_PER_PAGE : page * FRESH_PER_PAGE]
        authors = [*fresh, *fresh[: PAGE - FRESH_PER_PAGE]]
        names = (kind, query.lower(), page)
        posts = [make(self._world.person(one), (*names, place), query) for place, one in enumerate(authors)]
        return posts, len(numbers) > page * FRESH_PER_PAGE


def _page_number(text: str | None) -> int | None:
    """The page that is asked for, None for one that is refused; what is no number gets the first."""
    page = int(text) if text and text.isascii() and text.isdigit() else 1
    return None if page > PAGE_NUMBER_MAX else max(page, 1)


def _refused_page() -> Answer:
    return error(400, f"The last page is {PAGE_NUMBER_MAX}")


def _spoilt(told: list[dict[str, Any]], twist: Twist, malformed: dict[str, Any]) -> list[dict[str, Any]]:
    if twist is Twist.EMPTY_PAGE:
        return []
    if twist is Twist.MALFORMED_ITEM and told:
        told[len(told) // 2] = malformed
    return told
