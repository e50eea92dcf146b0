"""The sandbox over real sockets: shapes, sizes, people, endings, money, faults and the list of calls."""

import gzip
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from local.child import Command
from local.loopback import PLAIN_HTTP
from local.port import free_port
from local.process import Part, Supervisor
from local.sandbox.answer import Twist, load
from local.sandbox.aweme import rounded
from local.sandbox.person import AvatarForm, Person
from local.sandbox.tiktok import TikTok
from local.sandbox.world import World

pytestmark = pytest.mark.server

KEYWORD = "/v1/tiktok/search/keyword"
HASHTAG = "/v1/tiktok/search/hashtag"
PROFILE = "/v1/tiktok/profile"
PEOPLE = 200
Json = dict[str, Any]


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    options = ["--port", str(port), "--latency", "none", "--people", str(PEOPLE), "--credits", "5000"]
    log: Path = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    command = Command("sandbox", [sys.executable, "-m", "local.sandbox.main", *options], dict(os.environ), log)
    with Supervisor() as supervisor:
        supervisor.start(Part(command, f"http://127.0.0.1:{port}/readyz"))
        yield f"http://127.0.0.1:{port}"
    assert log.read_text() == ""


@pytest.fixture
def client(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, headers={"x-api-key": "key"}, **PLAIN_HTTP, timeout=20) as client:
        client.post("/_sandbox/reset").raise_for_status()
        yield client


@pytest.fixture(scope="module")
def world() -> World:
    return World(7, PEOPLE)


def ask(client: httpx.Client, path: str, **params: str | int) -> Json:
    return client.get(path, params=params).raise_for_status().json()


def keyword_items(body: Json) -> list[Json]:
    return [item["aweme_info"] for item in body["search_item_list"]]


def walk(client: httpx.Client, query: str) -> list[list[Json]]:
    """All pages of a keyword search."""
    pages, cursor = [], 0
    while True:
        body = ask(client, KEYWORD, query=query, cursor=cursor)
        pages.append(keyword_items(body))
        if not body["has_more"]:
            assert body["cursor"] is None
            return pages
        assert body["cursor"] == cursor + 30
        cursor = body["cursor"]


def assert_shaped(sample: object, value: object, at: str = "") -> None:
    """Every key of the sample is there with the same JSON type; what is null on either side is not compared."""
    if sample is None or value is None:
        return
    numbers = (int, float)
    is_number = isinstance(sample, numbers) and not isinstance(sample, bool)
    assert isinstance(value, numbers if is_number else type(sample)), at
    assert isinstance(value, bool) == isinstance(sample, bool), at
    if isinstance(sample, dict):
        assert isinstance(value, dict)
        missing = sample.keys() - value.keys()
        assert not missing, f"{at}: {missing}"
        for key in sample:
            assert_shaped(sample[key], value[key], f"{at}.{key}")
    elif isinstance(sample, list) and sample and value:
        assert isinstance(value, list)
        assert_shaped(sample[0], value[0], f"{at}[0]")


class TestShape:
    def test_keyword_page(self, client: httpx.Client) -> None:
        """Every key of the sample, in the vendor's order of the envelope; no bio; the real follower count."""
        body = ask(client, KEYWORD, query="sourdough")
        names = ["success", "credits_remaining", "credits_charged", "search_item_list", "cursor", "has_more"]
        assert list(body) == names
        sample = load("tiktok_search_keyword")["search_item_list"][0]["aweme_info"]
        videos = [item for item in keyword_items(body) if item["content_type"] == "video"]
        assert len(videos) > 20
        for item in videos:
            assert_shaped(sample, item)
            assert item.keys() == sample.keys()
            assert item["author"].keys() == sample["author"].keys()
            assert "signature" not in item["author"]
            assert item["author"]["follower_count"] > 0

    def test_keyword_photo_post(self, client: httpx.Client) -> None:
        """Some posts are photos: a photo URL, no length, and the images."""
        items = [item for page in walk(client, "photos") for item in page]
        photos = [item for item in items if item["content_type"] == "multi_photo"]
        assert 0.02 < len(photos) / len(items) < 0.12
        for item in photos:
            assert "/photo/" in item["url"]
            assert item["video"]["duration"] == 0
            assert item["image_post_info"]["images"]

    def test_hashtag_page(self, client: httpx.Client) -> None:
        """Twelve flat items whose authors have an empty bio and no count: unknown, not zero."""
        body = ask(client, HASHTAG, hashtag="thriftflip")
        sample = load("tiktok_search_hashtag")
        assert body.keys() == sample.keys()
        assert len(body["aweme_list"]) == 12
        assert body["cursor"] == 12
        for item in body["aweme_list"]:
            assert_shaped(sample["aweme_list"][0], item)
            assert (item["author"]["follower_count"], item["author"]["signature"]) == (0, "")

    def test_trimmed_page(self, client: httpx.Client) -> None:
        """Trimmed items are flat and few-keyed, and the page does not say whether there is more."""
        body = ask(client, KEYWORD, query="sourdough", trim="true")
        assert "has_more" not in body
        assert "aweme_info" not in body["search_item_list"][0]
        full = keyword_items(ask(client, KEYWORD, query="sourdough"))
        assert [item["aweme_id"] for item in body["search_item_list"]] == [item["aweme_id"] for item in full]

    def test_profile(self, client: httpx.Client, world: World) -> None:
        """Every key of the sample but those that the vendor leaves out."""
        sample = load("tiktok_profile")
        for number in range(40):
            if world.person(number).absence is not None:
                continue
            body = ask(client, PROFILE, user_id=world.person(number).uid)
            sample_like = {**sample, "statsV2": body.get("statsV2"), "user": {**sample["user"], "bioLink": None}}
            body["user"].setdefault("bioLink", None)
            body.setdefault("statsV2", None)
            assert_shaped(sample_like, body)

    def test_search_and_profile_agree(self, client: httpx.Client) -> None:
        """A person's id, handle and exact follower count are the same in a search and in the profile."""
        for item in keyword_items(ask(client, KEYWORD, query="agreement")):
            author = item["author"]
            assert int(author["uid"]) > 2**53
            assert item["author_user_id"] == rounded(int(author["uid"]))
            answer = client.get(PROFILE, params={"handle": author["unique_id"]})
            if answer.status_code == 404 or "user" not in answer.json():
                continue
            body = answer.json()
            assert body["user"]["id"] == author["uid"]
            if "statsV2" in body:
                assert body["statsV2"]["followerCount"] == str(author["follower_count"])

    def test_rounding(self) -> None:
        """A 64-bit number is printed as a JavaScript server prints it."""
        assert rounded(7644867114855760914) == 7644867114855761000

    def test_marks_point_at_hashtags(self, client: httpx.Client) -> None:
        """Where `text_extra` points, the caption has the hashtag."""
        for item in keyword_items(ask(client, KEYWORD, query="bread & butter")):
            for mark in item["text_extra"]:
                assert item["desc"][mark["start"] : mark["end"]] == f"#{mark['hashtag_name']}"


class TestSize:
    def test_page_weight(self, client: httpx.Client) -> None:
        """A keyword page weighs about 2 MB, and compressed it is the same page."""
        plain = client.get(KEYWORD, params={"query": "weight"}, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert 1_800_000 < len(plain.content) < 2_400_000
        packed = client.get(KEYWORD, params={"query": "weight"}, headers={"accept-encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < 800_000
        assert packed.json()["search_item_list"] == plain.json()["search_item_list"]

    def test_cost(self) -> None:
        """A compressed page costs some 10 ms of processor time; the limit leaves room for a slow machine."""
        tiktok = TikTok(World(7, PEOPLE))
        started = time.process_time()
        for number in range(10):
            body = tiktok.keyword({"query": f"cost {number}"}, Twist.NONE).body(1, is_gzip=True)
        assert (time.process_time() - started) / 10 < 0.06
        assert json.loads(gzip.decompress(body))["success"]


class TestPeople:
    def test_same_seed_same_world(self, client: httpx.Client) -> None:
        """Another process with the same seed serves the same bytes; another seed, other people."""
        ours = client.get(KEYWORD, params={"query": "twins"}, headers={"accept-encoding": "identity"}).content
        again = TikTok(World(7, PEOPLE)).keyword({"query": "twins"}, Twist.NONE).body(4999, is_gzip=False)
        assert again == ours
        other = TikTok(World(8, PEOPLE)).keyword({"query": "twins"}, Twist.NONE).body(4999, is_gzip=False)
        assert other != ours

    def test_shares(self) -> None:
        """The shares of bios, addresses, private and vanished accounts are those promised."""
        world = World(7, 2000)
        people = [world.person(number) for number in range(10_000)]

        def percent(chosen: list[Person]) -> float:
            return 100 * len(chosen) / len(people)

        assert 22 < percent([one for one in people if not one.bio]) < 28
        assert 42 < percent([one for one in people if one.email]) < 48
        assert 3 < percent([one for one in people if one.is_private]) < 5
        assert 0.6 < percent([one for one in people if one.absence]) < 1.4
        assert 8 < percent([one for one in people if not one.has_exact_stats]) < 16
        assert {one.avatar_form for one in people} == set(AvatarForm)
        assert len({one.handle for one in people}) == len({one.uid for one in people}) == len(people)

    def test_everybody_can_be_found(self, world: World) -> None:
        """By handle, however it is written, and by uid; nobody else is found."""
        for number in range(world.population):
            one = world.person(number)
            assert world.find(f"@{one.handle.upper()}", None) is one
            assert world.find(None, one.uid) is one
        stranger = world.person(world.population + 1)
        for handle in (stranger.handle, "1", "mira", f"x{world.person(1).handle}", "9" * 400):
            assert world.find(handle, None) is None
        for uid in (stranger.uid, "7", "", "٣" * 19, "9" * 19):
            assert world.find(None, uid) is None

    def test_addresses_can_be_found(self, world: World) -> None:
        """Every disguise leads back to the address that the sandbox knows."""
        for number in range(world.population):
            one = world.person(number)
            plain = one.bio.lower().replace("＠", "@").replace(" (at) ", "@").replace("[at]", "@")
            plain = plain.replace(" dot ", ".").replace("[dot]", ".")
            assert one.email is None or one.email in plain

    def test_whole_search(self, client: httpx.Client) -> None:
        """A search reaches everybody once it ends; a quarter of a page are known authors; the odd page repeats ids."""
        pages = walk(client, "bread")
        items = [item for page in pages for item in page]
        assert len({item["author"]["uid"] for item in items}) == PEOPLE
        assert {len(page) for page in pages[:-1]} == {30}
        ids = [{item["aweme_id"] for item in page} for page in pages]
        shared = [len(former & latter) for former, latter in pairwise(ids)]
        assert set(shared) <= {0, 7}
        seen = Counter(item["aweme_id"] for item in items)
        assert sum(seen.values()) - len(seen) == sum(shared)

    def test_authors_repeat_on_a_page(self, world: World) -> None:
        """But for the pages that repeat ids, a fifth to a quarter of a page's items are by an author met above."""
        pages = [world.listing(f"query {number}", 30).page(1) for number in range(60)]
        shares = Counter(30 - len({slot.author for slot in page}) for page in pages)
        assert shares[6] + shares[7] > 40
        assert set(shares) <= {0, 6, 7}

    def test_some_page_repeats_ids(self, world: World) -> None:
        """Over many queries about a fifth of the pages repeat ids of the page before."""
        listings = [world.listing(f"query {number}", 30) for number in range(60)]
        repeats = [
            bool({slot.video for slot in one.page(2)} & {slot.video for slot in one.page(1)}) for one in listings
        ]
        assert 4 <= sum(repeats) <= 24

    def test_queries_overlap(self, client: httpx.Client) -> None:
        """Two queries share some people and not most."""
        found = [{item["author"]["uid"] for page in walk(client, q) for item in page} for q in ("tea", "coffee")]
        assert 0.05 < len(found[0] & found[1]) / PEOPLE < 0.4

    def test_avatars(self, client: httpx.Client) -> None:
        """Image lists come in the seen orders."""
        orders = {
            tuple(url.partition("?")[0].rpartition(".")[2] for url in item["author"]["avatar_medium"]["url_list"])
            for page in walk(client, "faces")
            for item in page
        }
        assert orders == {form.value for form in AvatarForm}

    def test_truth(self, client: httpx.Client, world: World) -> None:
        """Tests can ask what a bio hides."""
        one = world.person(3)
        told = client.get("/_sandbox/people", params={"handle": [one.handle, "nobody"]}).json()
        assert [(each["uid"], each["email"]) for each in told] == [(one.uid, one.email)]


class TestEnd:
    def test_narrow(self, client: httpx.Client) -> None:
        """A narrow query finds 38 videos and ends on its second page."""
        assert [len(page) for page in walk(client, "very narrow thing")] == [30, 8]

    def test_beyond_the_end(self, client: httpx.Client) -> None:
        """A cursor beyond the end gets an empty page that says so."""
        body = ask(client, KEYWORD, query="narrow", cursor=600)
        assert (body["search_item_list"], body["cursor"], body["has_more"]) == ([], None, 0)

    def test_nothing_matches(self, client: httpx.Client) -> None:
        """A query that matches nothing is paid for and gets the same 30 unrelated videos each time, without end."""
        first, second = (ask(client, KEYWORD, query="nothing-matches xyz", cursor=cursor) for cursor in (0, 30))
        assert first["search_item_list"] == second["search_item_list"]
        assert (first["has_more"], second["cursor"], second["credits_charged"]) == (1, 60, 1)
        assert not any("xyz" in item["desc"] for item in keyword_items(first))

    def test_unreadable_cursor(self, client: httpx.Client) -> None:
        """A cursor that is no number gets page 1, as upstream."""
        assert ask(client, KEYWORD, query="a", cursor="x")["cursor"] == 30


class TestMoney:
    def test_errors(self, client: httpx.Client) -> None:
        """No key, a bad key, no query, nobody and no such path answer like the samples, and cost nothing."""
        wrong = {"success": False, "message": "Invalid API key"}
        assert client.get(KEYWORD, headers={"x-api-key": "bad-1"}).json() == wrong
        assert client.get(KEYWORD, headers={"x-api-key": ""}).status_code == 401
        missing = client.get(KEYWORD)
        assert missing.status_code == 400
        assert missing.json() == {
            "success": False,
            "credits_remaining": 5000,
            "credits_charged": 0,
            "error": "missing_parameter",
            "errorStatus": 400,
            "message": "You must provide a query",
        }
        assert client.get(PROFILE, params={"handle": "nobody"}).status_code == 404
        assert client.get("/v1/nowhere").json()["errorStatus"] == 404
        assert client.get("/v1/account/credit-balance").json()["creditCount"] == 5000

    def test_credits(self, client: httpx.Client) -> None:
        """Each key has a purse; an empty one answers 402 to everything."""
        assert ask(client, KEYWORD, query="a")["credits_remaining"] == 4999
        assert ask(client, KEYWORD, query="b")["credits_remaining"] == 4998
        other = client.get(KEYWORD, params={"query": "a"}, headers={"x-api-key": "other"}).json()
        assert other["credits_remaining"] == 4999
        client.post("/_sandbox/credits", json={"remaining": 1})
        assert ask(client, KEYWORD, query="a")["credits_remaining"] == 0
        for path in (KEYWORD, PROFILE, "/v1/account/credit-balance"):
            answer = client.get(path, params={"query": "a"})
            assert answer.status_code == 402
            assert answer.json().keys() == {"success", "message"}

    def test_cached_profile(self, client: httpx.Client, world: World) -> None:
        """A profile that this run has served is free for callers who accept its age."""
        handle = next(one.handle for one in map(world.person, range(20)) if one.absence is None)
        first = ask(client, PROFILE, handle=handle, cache_max_age="7d")
        assert first["credits_charged"] == 1
        assert "cached" not in first
        second = ask(client, PROFILE, handle=handle, cache_max_age="7d")
        assert (second["cached"], second["credits_charged"], "statsV2" in second) == (True, 0, False)
        assert list(second)[-2:] == ["cached", "cached_at"]
        assert ask(client, PROFILE, handle=handle)["credits_charged"] == 1

    def test_vanished_accounts(self, client: httpx.Client) -> None:
        """An account that is gone answers 404, or 200 with a flag."""
        world = World(7, PEOPLE)
        gone = [one for one in map(world.person, range(world.population)) if one.absence]
        answers = {one.absence: client.get(PROFILE, params={"handle": one.handle}) for one in gone}
        told = {
            kind.value: (each.status_code, each.json().get("accountDoesNotExist")) for kind, each in answers.items()
        }
        assert told == {"404": (404, None), "flag": (200, True)}

    def test_calls(self, client: httpx.Client) -> None:
        """Every call is listed, and a URL called again is counted whatever the order of its parameters."""
        client.get(f"{KEYWORD}?query=a&cursor=30")
        client.get(f"{KEYWORD}?cursor=30&query=a")
        client.get(KEYWORD)
        told = client.get("/_sandbox/calls").json()
        assert (told["total"], told["distinct"], told["duplicates"], told["credits"]) == (3, 2, 1, 2)
        assert told["paid"]["repeated"] == {f"{KEYWORD}?cursor=30&query=a": 2}
        assert [(call["status"], call["credits"]) for call in told["calls"]] == [(200, 1), (200, 1), (400, 0)]
        assert client.get("/_sandbox/calls", params={"path": PROFILE}).json()["total"] == 0

    async def test_calls_in_flight(self, base_url: str, client: httpx.Client) -> None:
        """How many calls were open at once is known."""
        client.post("/_sandbox/latency", json={"search": 0.3})
        async with (
            httpx.AsyncClient(base_url=base_url, headers={"x-api-key": "key"}, **PLAIN_HTTP) as many,
            anyio.create_task_group() as group,
        ):
            for number in range(4):
                group.start_soon(many.get, f"{KEYWORD}?query={number}")
        assert client.get("/_sandbox/calls").json()["in_flight_max"] == 4
