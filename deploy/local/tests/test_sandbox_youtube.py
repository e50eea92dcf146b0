"""The sandbox's YouTube: shapes, people, endings, money, and what the platform's own table makes of it."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from common.domain.creator import Item, Target
from common.platform import Page, SearchInput, Trail
from local.sandbox.answer import Twist, load
from local.sandbox.app import Options, build
from local.sandbox.interest import INTERESTS, interests
from local.sandbox.latency import Latency
from local.sandbox.person import Absence
from local.sandbox.world import World
from local.sandbox.youtube import YouTube, token
from local.sandbox.youtube_channel import ID_PATTERN, Channel, channel, find, find_page
from youtube.table import YOUTUBE

SEARCH, HASHTAG = "/v1/youtube/search", "/v1/youtube/search/hashtag"
CHANNEL, VIDEOS = "/v1/youtube/channel", "/v1/youtube/channel-videos"
PEOPLE = 200
KINDS = ("videos", "channels", "playlists", "shorts", "shelves", "lives")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> World:
    return World(7, PEOPLE)


@pytest.fixture
def youtube(world: World) -> YouTube:
    return YouTube(world)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The whole sandbox without a socket."""
    app = build(Options(people=PEOPLE, credits=5000, latency=Latency.NONE))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers={"x-api-key": "key"}) as one:
        yield one


@pytest.fixture(scope="module")
def channels(world: World) -> list[Channel]:
    return [channel(world, number) for number in range(world.population)]


def body(youtube: YouTube, path: str, params: Mapping[str, str], twist: Twist = Twist.NONE) -> Json:
    return json.loads(youtube.endpoints()[path].answer(params, twist).body(5000, is_gzip=False))


def walk(youtube: YouTube, path: str, params: Mapping[str, str]) -> list[Json]:
    """All pages of a search."""
    pages = [body(youtube, path, params)]
    while pages[-1]["continuationToken"] is not None:
        pages.append(body(youtube, path, {**params, "continuationToken": pages[-1]["continuationToken"]}))
    return pages


def owners(videos: list[Json]) -> list[str]:
    return [video["channel"]["id"] for video in videos]


def present(one: Channel) -> bool:
    return one.person.absence is None


def assert_shaped(sample: Json, value: Json) -> None:
    """The same keys in the same order with the same JSON types; what is null on either side is not compared."""
    assert list(value) == list(sample)
    for name in sample:
        if sample[name] is not None and value[name] is not None:
            assert type(value[name]) is type(sample[name]), name
            if isinstance(sample[name], dict):
                assert_shaped(sample[name], value[name])


class TestShape:
    def test_search_page(self, youtube: YouTube) -> None:
        """Twenty videos, shorts of which some are bare, a few channels, a playlist and shelves."""
        told = body(youtube, SEARCH, {"query": "sourdough"})
        sample, found = load("youtube_search"), load("youtube_search_channels")
        assert list(told) == list(sample)
        assert len(told["videos"]) == 20
        for video in told["videos"]:
            assert_shaped(sample["videos"][0], video)
        assert ["channel" in short for short in told["shorts"]] == [True, True, True, False, False]
        assert_shaped(sample["shorts"][0], told["shorts"][0])
        assert_shaped(sample["shorts"][1], told["shorts"][3])
        assert len(told["channels"]) == 3
        for card in told["channels"]:
            assert_shaped({name: found["channels"][0][name] for name in card}, card)
        assert_shaped(found["playlists"][0], told["playlists"][0])
        assert [[item["type"] for item in shelf["items"]] for shelf in told["shelves"]] == [
            ["short"] * 3,
            ["video"] * 2,
        ]

    def test_extras(self, youtube: YouTube) -> None:
        """Only who asks for them is told when a video was published; the vague time is older or equal."""
        plain, rich = (body(youtube, SEARCH, {"query": "bread", **asked}) for asked in ({}, {"includeExtras": "true"}))
        assert "publishDate" not in plain["videos"][0]
        assert plain["videos"][0]["viewCountText"].endswith(" views")
        for before, video in zip(plain["videos"], rich["videos"], strict=True):
            assert_shaped(load("youtube_search_extras")["videos"][0], video)
            assert before["id"] == video["id"]

    def test_hashtag_page(self, youtube: YouTube) -> None:
        """Channels without a handle, videos with a description."""
        told = body(youtube, HASHTAG, {"hashtag": "sourdough"})
        assert list(told) == list(load("youtube_search_hashtag"))
        for video in told["videos"]:
            assert_shaped(load("youtube_search_hashtag")["videos"][0], video)

    def test_channel(self, youtube: YouTube, channels: list[Channel]) -> None:
        """The sample's keys but for those that the vendor leaves out, in its order."""
        sample = load("youtube_channel")
        left_out: Counter[str] = Counter()
        for one in filter(present, channels[:100]):
            told = body(youtube, CHANNEL, {"channelId": one.id})
            assert_shaped({name: sample[name] for name in sample if name in told}, told)
            left_out.update(sample.keys() - told.keys())
            assert told["email"] in (None, one.person.email) if "email" in told else True
        assert left_out.keys() == {
            "email", "country", "handle", "instagram", "store", "subscriberCount", "subscriberCountText",
        }  # fmt: skip

    def test_own_videos(self, youtube: YouTube, channels: list[Channel]) -> None:
        """Thirty of one channel, the newest first, until it has no more."""
        one = next(one for one in filter(present, channels) if 30 < one.person.video_count < 90)
        pages = walk(youtube, VIDEOS, {"channelId": one.id, "sort": "latest"})
        videos = [video for page in pages for video in page["videos"]]
        assert list(pages[0]) == list(load("youtube_channel_videos"))
        assert len(pages[0]["videos"]) == 30
        assert len({video["id"] for video in videos}) == len(videos) == one.person.video_count
        assert set(owners(videos)) == {one.id}
        dates = [video["publishDate"] for video in videos]
        assert dates == sorted(dates, reverse=True)
        assert_shaped(load("youtube_channel_videos")["videos"][0], videos[0])


class TestPeople:
    def test_everybody_can_be_found(self, world: World, channels: list[Channel]) -> None:
        """By id, by handle in any case, and by the address of the page; the id leads back to the person."""
        for one in channels:
            assert ID_PATTERN.fullmatch(one.id)
            assert find(world, one.id) == one
            assert find_page(world, one.page_url) == one
            if one.handle is not None:
                assert find(world, f"@{one.handle.upper()}") == one
                assert find_page(world, f"https://www.youtube.com/c/{one.handle}") == one
        assert len({one.id for one in channels}) == len(channels)

    @pytest.mark.parametrize("named", ["UC" + "A" * 22, "nobody", "1", "watch/mira1", "", "channel/nobody", "9" * 400])
    def test_nobody_else_is_found(self, world: World, named: str) -> None:
        """Whatever is asked for."""
        assert find(world, named) is None

    def test_handles(self, channels: list[Channel]) -> None:
        """Most are plain, some have another script, some channels have none."""
        assert 0.05 < sum(one.handle is None for one in channels) / len(channels) < 0.11
        assert 0.08 < sum("%" in one.search_handle for one in channels) / len(channels) < 0.16
        assert all(one.search_handle == f"channel/{one.id}" for one in channels if one.handle is None)

    def test_the_query_decides_who_is_found(self, youtube: YouTube, world: World) -> None:
        """Who makes videos about it, and each of them in the end."""
        pages = walk(youtube, SEARCH, {"query": "sourdough bread"})
        found = {owner for page in pages for owner in owners(page["videos"])}
        bakers = {
            channel(world, number).id
            for number in range(world.population)
            if INTERESTS[0] in interests(world.seed, number)
        }
        assert found <= bakers
        assert len(found) > 0.9 * min(len(bakers), PEOPLE)
        assert all("sourdough bread" in video["title"] for page in pages for video in page["videos"])

    def test_the_same_channel_many_times(self, youtube: YouTube) -> None:
        """On a page and over pages, also beside its videos."""
        told = body(youtube, SEARCH, {"query": "marathon"})
        ids = owners(told["videos"])
        assert len(set(ids)) <= 17
        assert set(owners([short for short in told["shorts"] if "channel" in short])) <= set(ids)
        assert {card["id"] for card in told["channels"]} <= set(ids)

    def test_same_seed_same_world(self, youtube: YouTube) -> None:
        """Another sandbox says the same, another seed something else."""
        ours = body(youtube, SEARCH, {"query": "twins"})
        assert body(YouTube(World(7, PEOPLE)), SEARCH, {"query": "twins"}) == ours
        assert body(YouTube(World(8, PEOPLE)), SEARCH, {"query": "twins"}) != ours


class TestEnd:
    def test_tokens_are_long_and_opaque(self, youtube: YouTube) -> None:
        """And percent-encoded once, so that they must be encoded again."""
        told = body(youtube, SEARCH, {"query": "tea"})["continuationToken"]
        assert len(told) > 500
        assert told.endswith("%3D%3D")

    def test_a_token_of_another_search_gets_the_first_page(self, youtube: YouTube) -> None:
        """As a text that is no token."""
        first = body(youtube, SEARCH, {"query": "tea"})
        for text in (token(7, "youtube coffee", 1), "x", "EpoDEg", ""):
            assert body(youtube, SEARCH, {"query": "tea", "continuationToken": text}) == first
        second = body(youtube, SEARCH, {"query": "tea", "continuationToken": first["continuationToken"]})
        assert second["videos"] != first["videos"]
        assert (second["channels"], second["shelves"]) == ([], [])

    def test_narrow(self, youtube: YouTube) -> None:
        """A narrow query finds 38 videos and ends on its second page."""
        assert [len(page["videos"]) for page in walk(youtube, SEARCH, {"query": "very narrow"})] == [20, 18]

    def test_nothing_matches(self, youtube: YouTube) -> None:
        """All arrays are empty and there is no token."""
        told = body(youtube, SEARCH, {"query": "Nothing at all"})
        assert {name: told[name] for name in (*KINDS, "continuationToken")} == {
            **{kind: [] for kind in KINDS},
            "continuationToken": None,
        }
        assert body(youtube, HASHTAG, {"hashtag": "nothing"})["videos"] == []

    def test_twists(self, youtube: YouTube) -> None:
        """An empty page goes on; a malformed video is one of its page."""
        empty = body(youtube, SEARCH, {"query": "tea"}, Twist.EMPTY_PAGE)
        assert all(empty[kind] == [] for kind in KINDS)
        assert empty["continuationToken"]
        videos = body(youtube, SEARCH, {"query": "tea"}, Twist.MALFORMED_ITEM)["videos"]
        assert [video["channel"] for video in videos].count("gone") == 1
        assert body(youtube, CHANNEL, {"channelId": "x"}, Twist.MALFORMED_ITEM)["channelId"] == 17


class TestMoney:
    async def test_prices(self, client: httpx.AsyncClient, channels: list[Channel]) -> None:
        """A page costs a credit, also one without anything; a missing parameter costs none."""
        one = next(filter(present, channels))
        for path, params in (
            (SEARCH, {"query": "tea"}),
            (SEARCH, {"query": "nothing"}),
            (HASHTAG, {"hashtag": "tea"}),
            (CHANNEL, {"channelId": one.id}),
            (VIDEOS, {"channelId": one.id}),
        ):
            answer = await client.get(path, params=params)
            assert (answer.status_code, answer.json()["credits_charged"]) == (200, 1)
            refusal = await client.get(path)
            assert (refusal.status_code, refusal.json()["credits_charged"]) == (400, 0)

    async def test_an_id_sent_as_a_handle_costs_a_credit(
        self, client: httpx.AsyncClient, channels: list[Channel]
    ) -> None:
        """It is a 404 that says success, as for anybody who is not there."""
        one = next(filter(present, channels))
        for params in (
            {"handle": one.id},
            {"handle": "nobody"},
            {"channelId": "nobody"},
            {"url": "https://a.example/"},
        ):
            answer = await client.get(CHANNEL, params=params)
            told = answer.json()
            assert answer.status_code == 404
            assert (told["success"], told["accountDoesNotExist"], told["error"]) == (True, True, "not_found")
            assert (told["credits_charged"], told["errorStatus"]) == (1, 404)

    def test_vanished_channels(self, youtube: YouTube, channels: list[Channel]) -> None:
        """A 404, or the same words in a 200; both cost."""
        for absence, status in ((Absence.STATUS, 404), (Absence.FLAG, 200)):
            one = next(one for one in channels if one.person.absence is absence)
            answer = youtube.channel({"channelId": one.id}, Twist.NONE)
            assert (answer.status, answer.price) == (status, 1)
            assert json.loads(answer.body(1, is_gzip=False))["accountDoesNotExist"] is True

    async def test_cached_channel(self, client: httpx.AsyncClient, channels: list[Channel]) -> None:
        """A channel that was served is free for callers who accept its age, until a reset."""
        params = {"channelId": next(filter(present, channels)).id, "cache_max_age": "7d"}
        first, second = [(await client.get(CHANNEL, params=params)).json() for _ in range(2)]
        assert (first["credits_charged"], "cached" in first) == (1, False)
        assert (second["credits_charged"], second["cached"], list(second)[-2:]) == (0, True, ["cached", "cached_at"])
        live = (await client.get(CHANNEL, params={"channelId": params["channelId"]})).json()
        assert live["credits_charged"] == 1
        await client.post("/_sandbox/reset")
        assert "cached" not in (await client.get(CHANNEL, params=params)).json()

    async def test_truth(self, client: httpx.AsyncClient, channels: list[Channel]) -> None:
        """Tests can ask about whoever has a handle of plain letters."""
        one = next(one for one in filter(present, channels) if one.handle == one.person.handle)
        (told,) = (await client.get("/_sandbox/people", params={"handle": one.handle or ""})).json()
        assert (told["uid"], told["email"]) == (one.person.uid, one.person.email)


class TestTable:
    """What the platform's own table reads from the sandbox."""

    def read(self, youtube: YouTube, kind: str, query: str, cursor: str | None = None) -> Page:
        search = YOUTUBE.searches[kind]
        params = search.ask(SearchInput(query=query, region="GB"), cursor)
        return search.read(youtube.endpoints()[search.path].answer(params, Twist.NONE).body(1, is_gzip=False))

    def test_a_search_goes_on_with_new_people(self, youtube: YouTube) -> None:
        """And what it finds is known by date."""
        first = self.read(youtube, "keyword", "sourdough")
        second = self.read(youtube, "keyword", "sourdough", first.cursor)
        ids = [{item.account.platform_id for item in page.items if isinstance(item, Item)} for page in (first, second)]
        assert len(ids[1] - ids[0]) > 10
        videos = [item for item in first.items[:20] if isinstance(item, Item) and item.content]
        assert all(item.content.posted_at for item in videos if item.content)
        assert self.read(youtube, "hashtag", "sourdough").items

    def test_a_channel_is_read_as_it_is(self, youtube: YouTube, channels: list[Channel]) -> None:
        """Handle, count, country and words."""
        profile = YOUTUBE.profile
        assert profile is not None
        countries: set[str | None] = set()
        for one in filter(present, channels[:150]):
            told = profile.read(youtube.channel({"channelId": one.id}, Twist.NONE).body(1, is_gzip=False))
            assert (told.platform_id, told.handle) == (one.id, one.handle or one.id)
            assert (told.followers, told.verified) == (one.subscriber_count, one.person.is_verified)
            assert told.topics == one.keywords
            assert told.created_at is not None
            assert (told.country is None) == (one.country is None)
            countries.add(told.country)
        assert {"US", "GB", "DE", None} <= countries

    def test_a_target_leads_to_people_like_it(self, youtube: YouTube, world: World, channels: list[Channel]) -> None:
        """By its keywords and its titles: all that are found share an interest with it."""
        likes = INTERESTS[3]
        one = next(
            one for one in filter(present, channels) if one.interests == (likes, likes) and one.keywords and one.handle
        )
        page = self.read(youtube, "target", one.handle or "")
        target = page.target
        assert target is not None
        leads = list(YOUTUBE.searches["target"].leads(Trail(search=SearchInput(query=""), page=page, target=None)))
        videos = self.read(youtube, leads[0].kind, leads[0].query)
        trail = Trail(search=SearchInput(query=one.id), page=videos, target=Target(account=target))
        leads += YOUTUBE.searches["target_videos"].leads(trail)
        assert {lead.kind for lead in leads} == {"target_videos", "keyword", "hashtag"}
        for lead in leads[1:]:
            for item in self.read(youtube, lead.kind, lead.query).items:
                found = find(world, item.account.platform_id) if isinstance(item, Item) else None
                assert found is None or likes in found.interests, lead
