"""The sandbox's Instagram: shapes, people, endings, money, and what the platform's own table makes of it."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from common.domain.creator import Item
from common.errors import NotFoundError, ShapeError
from common.platform import Page, SearchInput, Trail
from instagram.table import INSTAGRAM
from local.sandbox.answer import Answer, Twist, load
from local.sandbox.app import Options, build
from local.sandbox.instagram import Instagram
from local.sandbox.instagram_index import Index, named_interests
from local.sandbox.interest import INTERESTS, interests
from local.sandbox.latency import Latency
from local.sandbox.person import Absence, Person
from local.sandbox.tiktok_person import told_bio
from local.sandbox.world import World

PROFILE, PROFILES = "/v1/instagram/profile", "/v1/instagram/search/profiles"
HASHTAG, REELS = "/v1/instagram/search/hashtag", "/v2/instagram/reels/search"
PEOPLE = 200
PROFILE_KIND = INSTAGRAM.profile
assert PROFILE_KIND is not None
Json = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> World:
    return World(7, PEOPLE)


@pytest.fixture
def instagram(world: World) -> Instagram:
    return Instagram(world)


@pytest.fixture(scope="module")
def present(world: World) -> list[Person]:
    people = [world.person(number) for number in range(world.population)]
    return [one for one in people if one.absence is None]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The whole sandbox without a socket."""
    app = build(Options(people=PEOPLE, credits=5000, latency=Latency.NONE))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers={"x-api-key": "key"}) as one:
        yield one


def answer(instagram: Instagram, path: str, params: Mapping[str, str], twist: Twist = Twist.NONE) -> Answer:
    return instagram.endpoints()[path].answer(params, twist)


def body(instagram: Instagram, path: str, params: Mapping[str, str], twist: Twist = Twist.NONE) -> Json:
    return json.loads(answer(instagram, path, params, twist).body(5000, is_gzip=False))


def user(instagram: Instagram, person: Person) -> Json:
    return body(instagram, PROFILE, {"handle": person.handle})["data"]["user"]


def walk(instagram: Instagram, query: str) -> list[Json]:
    """All that the search for profiles finds."""
    found: list[Json] = []
    cursor: str | None = "1"
    while cursor:
        page = body(instagram, PROFILES, {"query": query, "cursor": cursor})
        found += page["profiles"]
        cursor = page["cursor"]
    return found


def assert_shaped(sample: Json, value: Json) -> None:
    """The same keys with the same JSON types; what is null on either side is not compared."""
    assert value.keys() == sample.keys()
    for name in sample:
        if sample[name] is not None and value[name] is not None:
            assert type(value[name]) is type(sample[name]), name


class TestShape:
    def test_found_profiles(self, instagram: Instagram) -> None:
        """Ten a page, each with every key."""
        told = body(instagram, PROFILES, {"query": "sourdough"})
        assert list(told)[3:] == ["query", "profiles", "cursor"]
        assert len(told["profiles"]) == 10
        assert told["cursor"] == "2"
        for one in told["profiles"]:
            assert_shaped(load("instagram_search_profiles")["profiles"][0], one)

    @pytest.mark.parametrize(("path", "name", "listed"), [(HASHTAG, "hashtag", "posts"), (REELS, "query", "reels")])
    def test_posts(self, instagram: Instagram, path: str, name: str, listed: str) -> None:
        """With their owners, whose followers are told sometimes; some likes are hidden, views may be 0."""
        pages = [body(instagram, path, {name: "sourdough", "cursor": n, "page": n}) for n in ("1", "2", "3")]
        posts = [post for page in pages for post in page[listed]]
        samples = load("instagram_search_hashtag" if listed == "posts" else "instagram_reels_search")[listed]
        for post in posts:
            assert_shaped(samples[0] if "follower_count" in post["owner"] else samples[-1], post)
        assert 5 < sum("follower_count" in post["owner"] for post in posts) < 25
        assert any(post["like_count"] == -1 for post in posts)
        assert len({post["id"] for post in posts}) == len(posts) == 30
        assert len({post["owner"]["id"] for post in posts}) == 24
        if listed == "posts":
            assert any(
                post["video_view_count"] == 0 < post["video_play_count"] for post in posts if "video_play_count" in post
            )
        else:
            assert all(page.keys() == {"success", "credits_remaining", "credits_charged", "reels"} for page in pages)

    def test_profiles_have_two_shapes(self, instagram: Instagram, present: list[Person]) -> None:
        """The graph alone, or merged with the app's keys; who has related profiles differs too."""
        sample = load("instagram_profile")["data"]["user"]
        merged, related = 0, {"missing": 0, "empty": 0, "full": 0}
        for one in present[:200]:
            told = user(instagram, one)
            assert sample.keys() - told.keys() <= {"edge_related_profiles"}
            merged += "pk" in told
            edges = told.get("edge_related_profiles", {}).get("edges")
            related["missing" if edges is None else "full" if edges else "empty"] += 1
            if "pk" in told:
                assert told["media_count"] is None
                assert isinstance(told["business_address_json"], dict | None)
            else:
                assert isinstance(told["business_address_json"], str | None)
        assert 50 < merged < 110
        assert min(related.values()) > 8
        assert related["full"] > 100

    def test_the_page_of_a_person(self, instagram: Instagram, present: list[Person]) -> None:
        """At most twelve posts, the newest first but for a pinned one; of private people none."""
        node = load("instagram_profile")["data"]["user"]["edge_owner_to_timeline_media"]["edges"][0]["node"]
        pinned = 0
        for one in present[:150]:
            timeline = user(instagram, one)["edge_owner_to_timeline_media"]
            nodes = [edge["node"] for edge in timeline["edges"]]
            assert timeline["count"] == one.video_count
            assert len(nodes) == (0 if one.is_private else min(12, one.video_count))
            times = [told["taken_at_timestamp"] for told in nodes if not told["pinned_for_users"]]
            assert times == sorted(times, reverse=True)
            assert all(told.keys() <= node.keys() for told in nodes)
            pinned += len(nodes) - len(times)
        assert pinned > 10


class TestPeople:
    def test_the_query_decides_who_is_found(self, instagram: Instagram, world: World) -> None:
        """Who cares about it comes first; at most 110, each once, and nobody who is gone."""
        found = walk(instagram, "Sourdough bread")
        assert 90 < len(found) <= 110
        assert len({one["id"] for one in found}) == len(found)
        people = [world.find(one["username"], None) for one in found]
        assert all(one and one.absence is None for one in people)
        assert all(one and INTERESTS[0] in interests(world.seed, one.number) for one in people[:50])

    def test_any_other_query_finds_people_too(self, instagram: Instagram) -> None:
        """And another one others."""
        first, second = ({one["id"] for one in walk(instagram, query)} for query in ("xylophone", "zither"))
        assert len(first) > 80
        assert len(first & second) < 40

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("sourdough", {"baking"}),
            ("novel", {"books"}),
            ("plant", {"vegan food"}),
            ("Food & Beverage", {"baking", "vegan food"}),
            ("homebaker", {"baking"}),
            ("guitar and maps", {"music", "travel"}),
            ("xylophone", set[str]()),
        ],
    )
    def test_interests_are_named_by_words_tags_and_categories(self, query: str, names: set[str]) -> None:
        """In the singular too."""
        assert named_interests(query) == names

    def test_those_beside_a_person_mostly_share_an_interest(self, world: World, present: list[Person]) -> None:
        """Thirty to forty of them, each once, and never the person."""
        index = Index(world)
        for one in present[:40]:
            own = set(interests(world.seed, one.number))
            numbers = index.related(one)
            shared = sum(bool(own & set(interests(world.seed, number))) for number in numbers)
            assert 25 <= len(numbers) <= 40
            assert len(set(numbers)) == len(numbers)
            assert one.number not in numbers
            assert 0.7 < shared / len(numbers) < 1

    def test_all_endpoints_say_the_same_of_a_person(self, instagram: Instagram, world: World) -> None:
        """So that nothing changes when a profile is bought."""
        for found in body(instagram, PROFILES, {"query": "vegan"})["profiles"]:
            one = world.find(found["username"], None)
            assert one is not None
            told = user(instagram, one)
            for name in ("id", "username", "full_name", "biography", "external_url", "category_name", "is_private"):
                assert found[name] == told[name], name
            assert found["follower_count"] == told["edge_followed_by"]["count"]

    def test_same_seed_same_world(self, instagram: Instagram) -> None:
        """Another sandbox says the same, another seed something else."""
        ours = body(instagram, REELS, {"query": "twins"})
        assert body(Instagram(World(7, PEOPLE)), REELS, {"query": "twins"}) == ours
        assert body(Instagram(World(8, PEOPLE)), REELS, {"query": "twins"}) != ours


class TestEnd:
    def test_a_narrow_query_ends_soon(self, instagram: Instagram) -> None:
        """Profiles with a cursor that is null, reels with a 404 behind the last page."""
        assert 10 < len(walk(instagram, "narrow bread")) <= 14
        sizes = [len(body(instagram, REELS, {"query": "narrow bread", "page": n})["reels"]) for n in ("1", "2")]
        assert sizes == [10, 8]
        assert answer(instagram, REELS, {"query": "narrow bread", "page": "3"}).status == 404
        assert body(instagram, HASHTAG, {"hashtag": "narrow", "cursor": "2"})["cursor"] is None

    @pytest.mark.parametrize(("path", "name"), [(PROFILES, "cursor"), (HASHTAG, "cursor"), (REELS, "page")])
    def test_the_twelfth_page_is_refused(self, instagram: Instagram, path: str, name: str) -> None:
        """And free."""
        params = {"query": "sourdough", "hashtag": "sourdough"}
        assert answer(instagram, path, {**params, name: "11"}).status == 200
        refusal = answer(instagram, path, {**params, name: "12"})
        assert (refusal.status, refusal.price) == (400, 0)

    def test_a_wrong_name_for_the_page_gets_the_first(self, instagram: Instagram) -> None:
        """And is paid for."""
        first = body(instagram, REELS, {"query": "tea"})
        assert body(instagram, REELS, {"query": "tea", "cursor": "2"}) == first
        assert body(instagram, REELS, {"query": "tea", "page": "2"}) != first

    def test_nothing_matches(self, instagram: Instagram) -> None:
        """An empty list, or a 404 that costs nothing."""
        told = body(instagram, PROFILES, {"query": "Nothing at all"})
        assert (told["profiles"], told["cursor"], told["credits_charged"]) == ([], None, 1)
        for path, name in ((HASHTAG, "hashtag"), (REELS, "query")):
            refusal = answer(instagram, path, {name: "nothing"})
            assert (refusal.status, refusal.price) == (404, 0)
            assert body(instagram, path, {name: "nothing"})["error"] == "not_found"

    def test_twists(self, instagram: Instagram) -> None:
        """An empty page goes on; a malformed item is one of its page."""
        empty = body(instagram, PROFILES, {"query": "tea"}, Twist.EMPTY_PAGE)
        assert (empty["profiles"], empty["cursor"]) == ([], "2")
        reels = body(instagram, REELS, {"query": "tea"}, Twist.MALFORMED_ITEM)["reels"]
        assert [reel["owner"] for reel in reels].count("gone") == 1
        for twist in (Twist.EMPTY_PAGE, Twist.MALFORMED_ITEM):
            with pytest.raises(ShapeError):
                PROFILE_KIND.read(answer(instagram, PROFILE, {"handle": "x"}, twist).body(1, is_gzip=False))


class TestMoney:
    async def test_prices(self, client: httpx.AsyncClient, present: list[Person]) -> None:
        """A page costs a credit; a missing parameter costs none."""
        for path, params in (
            (PROFILES, {"query": "tea"}),
            (HASHTAG, {"hashtag": "tea"}),
            (REELS, {"query": "tea"}),
            (PROFILE, {"handle": present[0].handle}),
        ):
            told = await client.get(path, params=params)
            assert (told.status_code, told.json()["credits_charged"]) == (200, 1)
            refusal = await client.get(path)
            assert (refusal.status_code, refusal.json()["credits_charged"]) == (400, 0)

    def test_vanished_people(self, instagram: Instagram, world: World) -> None:
        """A 404, or the same words in a 200."""
        people = [world.person(number) for number in range(world.population)]
        for absence, status in ((Absence.STATUS, 404), (Absence.FLAG, 200)):
            one = next(one for one in people if one.absence is absence)
            told = answer(instagram, PROFILE, {"handle": one.handle})
            assert told.status == status
            if status == 200:
                with pytest.raises(NotFoundError):
                    PROFILE_KIND.read(told.body(1, is_gzip=False))
        assert answer(instagram, PROFILE, {"handle": "nobody"}).status == 404

    async def test_cached_profile(self, client: httpx.AsyncClient, present: list[Person]) -> None:
        """A profile that was served is free for callers who accept its age, until a reset."""
        params = {"handle": present[0].handle, "cache_max_age": "7d"}
        first, second = [(await client.get(PROFILE, params=params)).json() for _ in range(2)]
        assert (first["credits_charged"], "cached" in first) == (1, False)
        assert (second["credits_charged"], second["cached"], list(second)[-2:]) == (0, True, ["cached", "cached_at"])
        assert second["data"] == first["data"]
        assert (await client.get(PROFILE, params={"handle": params["handle"]})).json()["credits_charged"] == 1
        await client.post("/_sandbox/reset")
        assert "cached" not in (await client.get(PROFILE, params=params)).json()

    async def test_truth(self, client: httpx.AsyncClient, present: list[Person]) -> None:
        """Tests can ask about whom they found."""
        (told,) = (await client.get("/_sandbox/people", params={"handle": present[0].handle})).json()
        assert (told["uid"], told["email"]) == (present[0].uid, present[0].email)


class TestTable:
    """What the platform's own table reads from the sandbox."""

    def read(self, instagram: Instagram, kind: str, query: str, cursor: str | None = None) -> Page:
        search = INSTAGRAM.searches[kind]
        params = search.ask(SearchInput(query=query, cache_max_age="7d"), cursor)
        return search.read(answer(instagram, search.path, params).body(1, is_gzip=False))

    @pytest.mark.parametrize("kind", ["keyword", "hashtag", "reels"])
    def test_a_search_goes_on_with_new_people(self, instagram: Instagram, kind: str) -> None:
        """By its cursor, or by the number of the page."""
        first = self.read(instagram, kind, "sourdough")
        assert first.cursor == (None if kind == "reels" else "2")
        second = self.read(instagram, kind, "sourdough", "2")
        ids = [{item.account.platform_id for item in page.items if isinstance(item, Item)} for page in (first, second)]
        assert len(ids[0]) >= 8
        assert ids[0].isdisjoint(ids[1])

    def test_hashtag_pages_end_with_the_eleventh(self, instagram: Instagram) -> None:
        """Though the answer says a twelfth."""
        assert body(instagram, HASHTAG, {"hashtag": "sourdough", "cursor": "11"})["cursor"] == "12"
        assert self.read(instagram, "hashtag", "sourdough", "11").cursor is None

    def test_who_is_found_by_bio_needs_no_profile(self, instagram: Instagram) -> None:
        """But the owners of reels do."""
        for kind, is_needed in (("keyword", False), ("reels", True), ("hashtag", True)):
            for item in self.read(instagram, kind, "vegan").items:
                assert isinstance(item, Item)
                assert PROFILE_KIND.is_needed(item.account) is is_needed

    def test_a_profile_is_read_as_it_is(self, instagram: Instagram, world: World, present: list[Person]) -> None:
        """In both shapes."""
        for one in present[:150]:
            told = PROFILE_KIND.read(answer(instagram, PROFILE, {"handle": one.handle}).body(1, is_gzip=False))
            assert (told.platform_id, told.handle, told.followers) == (one.uid, one.handle, one.follower_count)
            assert (told.posts, told.verified, told.private) == (one.video_count, one.is_verified, one.is_private)
            assert told.bio == told_bio(world.seed, one).strip()
            assert set(told.emails) <= {one.email}
            if not one.is_private and one.video_count >= 4:
                assert told.posts_per_week is not None
                assert 0.4 < told.posts_per_week < 9
                assert told.last_posted_at is not None

    def test_a_target_leads_to_people_like_it(self, instagram: Instagram, world: World, present: list[Person]) -> None:
        """Beside it and by its words; and from each of those to others."""
        likes = INTERESTS[0]
        one = next(
            one for one in present
            if interests(world.seed, one.number) == (likes, likes) and not one.is_private and one.bio
            and user(instagram, one).get("edge_related_profiles", {}).get("edges")
        )  # fmt: skip
        page = self.read(instagram, "target", one.handle)
        assert page.target is not None
        assert len(page.items) >= 25
        leads = list(INSTAGRAM.searches["target"].leads(Trail(search=SearchInput(query=""), page=page, target=None)))
        assert 1 <= len(leads) <= 4
        for lead in leads:
            people = [
                world.find(item.account.handle, None)
                for item in self.read(instagram, lead.kind, lead.query).items
                if isinstance(item, Item)
            ]
            assert people
            is_named = bool(named_interests(lead.query))
            assert not is_named or all(
                found and likes.category in {i.category for i in interests(world.seed, found.number)}
                for found in people
            )
        assert any("baking" in named_interests(lead.query) for lead in leads)
        assert INSTAGRAM.branch is not None
        known = {item.account.platform_id for item in page.items if isinstance(item, Item)}
        beyond: set[str] = set()
        for item in page.items:
            assert isinstance(item, Item)
            branch = INSTAGRAM.branch(item.account)
            beyond |= {
                i.account.platform_id
                for i in self.read(instagram, branch.kind, branch.query).items
                if isinstance(i, Item)
            }
        assert len(beyond - known) > 50
