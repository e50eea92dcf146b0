"""What TikTok's sandbox tells of a target: its videos, whom it follows, who has a name like its own."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.domain.address import find_emails
from common.domain.creator import Item
from common.platform import PlannedSearch, SearchInput, Trail, Unparsable
from local.child import Command
from local.loopback import PLAIN_HTTP
from local.port import free_port
from local.process import Part, Supervisor
from local.sandbox.answer import load
from local.sandbox.interest import interests
from local.sandbox.person import Absence, Person
from local.sandbox.tiktok_person import told_bio
from local.sandbox.world import World
from tiktok.table import TIKTOK

pytestmark = pytest.mark.server

VIDEOS = "/v3/tiktok/profile/videos"
FOLLOWING = "/v1/tiktok/user/following"
USERS = "/v1/tiktok/search/users"
PROFILE = "/v1/tiktok/profile"
PEOPLE = 400
SEED = 7
Json = dict[str, Any]


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    options = ["--port", str(port), "--latency", "none", "--people", str(PEOPLE), "--seed", str(SEED)]
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
    return World(SEED, PEOPLE)


def ask(client: httpx.Client, path: str, **params: str | int) -> Json:
    return client.get(path, params=params).raise_for_status().json()


def some(world: World, count: int, **wanted: object) -> list[Person]:
    """The first people who are there and public, or as wanted."""
    fields = {"absence": None, "is_private": False} | wanted
    people = map(world.person, range(world.population))
    return [one for one in people if all(getattr(one, name) == value for name, value in fields.items())][:count]


def assert_shaped(sample: object, value: object, at: str = "") -> None:
    """Every key of the sample is there with a value of the same kind; what is null on either side is not compared."""
    if sample is None or value is None:
        return
    assert isinstance(sample, bool) == isinstance(value, bool), at
    assert isinstance(value, (int, float) if isinstance(sample, int | float) else type(sample)), at
    if isinstance(sample, dict):
        assert isinstance(value, dict)
        assert not sample.keys() - value.keys(), at
        for key in sample:
            assert_shaped(sample[key], value[key], f"{at}.{key}")
    elif isinstance(sample, list) and sample and value:
        assert isinstance(value, list)
        assert_shaped(sample[0], value[0], f"{at}[0]")


def interest_names(number: int) -> set[str]:
    return {interest.name for interest in interests(SEED, number)}


class TestVideos:
    def walk(self, client: httpx.Client, handle: str, pages_max: int = 5) -> list[list[Json]]:
        pages: list[list[Json]] = []
        cursor: dict[str, str] = {}
        while len(pages) < pages_max:
            body = ask(client, VIDEOS, handle=handle, region="US", **cursor)
            pages.append(body["aweme_list"])
            if body["has_more"] != 1:
                break
            cursor = {"max_cursor": str(body["max_cursor"])}
        return pages

    def test_page(self, client: httpx.Client, world: World) -> None:
        """Every key of the sample; ten a page; the author's counters, bio and handle are those of the profile."""
        sample = load("tiktok_profile_videos")
        one = next(one for one in some(world, 50) if one.video_count > 30 and one.bio)
        body = ask(client, VIDEOS, handle=one.handle, region="US")
        assert_shaped({**sample, "aweme_list": []}, body)
        assert len(body["aweme_list"]) == 10
        for item in body["aweme_list"]:
            assert_shaped(sample["aweme_list"][1], item)
            author = item["author"]
            told = (author["uid"], author["unique_id"], author["follower_count"], author["aweme_count"])
            assert told == (one.uid, one.handle, one.follower_count, one.video_count)
            assert author["signature"].endswith(one.bio)

    def test_pages_follow_each_other(self, client: httpx.Client, world: World) -> None:
        """Newest first, none twice; only the first page has pinned ones, in front and old; the last says so."""
        for one in [one for one in some(world, 60) if 25 < one.video_count < 45][:3]:
            pages = self.walk(client, one.handle, 9)
            items = [item for page in pages for item in page]
            assert len({item["aweme_id"] for item in items}) == len(items)
            pins = [item["is_top"] for item in items]
            assert pins == sorted(pins, reverse=True)
            assert sum(pins) <= 3
            times = [item["create_time"] for item in items if not item["is_top"]]
            assert len(times) == one.video_count
            assert times == sorted(times, reverse=True)
            assert all(item["create_time"] < times[0] for item in items if item["is_top"])

    def test_some_have_pinned_videos(self, client: httpx.Client, world: World) -> None:
        """Not all."""
        counts = Counter(
            sum(item["is_top"] for item in page) for one in some(world, 25) for page in self.walk(client, one.handle, 1)
        )
        assert counts[0]
        assert sum(counts) > counts[0]

    def test_videos_are_about_what_the_person_cares_about(self, client: httpx.Client, world: World) -> None:
        """Their hashtags but the general ones are those of the person's interests."""
        for one in some(world, 10):
            known = {tag for interest in interests(SEED, one.number) for tag in interest.hashtags}
            tags = Counter(
                mark["hashtag_name"]
                for page in self.walk(client, one.handle, 2)
                for item in page
                for mark in item["text_extra"]
                if mark["type"] == 1
            )
            if tags.total() > 12:
                assert sum(count for tag, count in tags.items() if tag in known) > tags.total() / 2

    def test_marks_point_at_what_they_name(self, client: httpx.Client, world: World) -> None:
        """A hashtag's at the hashtag, a mention's at the handle of somebody whom the author follows."""
        mentioned = 0
        for one in some(world, 15):
            for item in self.walk(client, one.handle, 1)[0]:
                for mark in item["text_extra"]:
                    shown = item["desc"][mark["start"] : mark["end"]]
                    if mark["type"] == 1:
                        assert shown == f"#{mark['hashtag_name']}"
                        continue
                    mentioned += 1
                    found = world.find(shown, None)
                    assert found is not None
                    assert (found.uid, found.sec_uid) == (mark["user_id"], mark["sec_uid"])
        assert mentioned > 5

    def test_some_lists_are_empty_unless_seen_from_the_us(self, client: httpx.Client, world: World) -> None:
        """Seen from nowhere in particular they are seen from GB."""
        hidden = 0
        for one in some(world, 60):
            seen = [
                len(ask(client, VIDEOS, handle=one.handle, **where)["aweme_list"]) for where in ({}, {"region": "US"})
            ]
            assert seen[1]
            hidden += not seen[0]
            assert ask(client, VIDEOS, handle=one.handle, region="GB")["aweme_list"] == [] or seen[0]
        assert 1 <= hidden <= 12

    def test_a_private_account_shows_none(self, client: httpx.Client, world: World) -> None:
        """A page in the shape of the sample, billed."""
        (one,) = some(world, 1, is_private=True)
        body = ask(client, VIDEOS, handle=one.handle, region="US")
        assert (body["aweme_list"], body["has_more"], body["max_cursor"], body["credits_charged"]) == ([], 0, 0, 1)

    def test_trim(self, client: httpx.Client, world: World) -> None:
        """Fewer keys, the same videos, and no word of whether there are more."""
        (one,) = some(world, 1)
        full, trim = (ask(client, VIDEOS, handle=one.handle, region="US", trim=word) for word in ("false", "true"))
        assert [item["aweme_id"] for item in full["aweme_list"]] == [item["aweme_id"] for item in trim["aweme_list"]]
        assert trim.keys() == {"success", "credits_remaining", "credits_charged", "aweme_list", "max_cursor"}
        assert "text_extra" not in trim["aweme_list"][0]


class TestFollowing:
    def walk(self, client: httpx.Client, handle: str) -> list[Json]:
        pages: list[Json] = []
        cursor: dict[str, int] = {}
        while True:
            pages.append(ask(client, FOLLOWING, handle=handle, **cursor))
            if not pages[-1]["has_more"]:
                return pages
            cursor = {"min_time": pages[-1]["min_time"]}

    def test_page(self, client: httpx.Client, world: World) -> None:
        """Every key of the sample, in the vendor's words: a boolean, and a time for a cursor."""
        sample = load("tiktok_user_following")
        one = next(one for one in some(world, 50) if one.following_count > 100)
        body = ask(client, FOLLOWING, handle=one.handle)
        assert_shaped({**sample, "followings": []}, body)
        assert body["has_more"] is True
        for user in body["followings"]:
            assert_shaped(sample["followings"][0], user)
            found = world.find(user["unique_id"], None)
            assert found is not None
            assert (user["uid"], user["follower_count"], user["region"]) == (
                found.uid,
                found.follower_count,
                found.region,
            )
            assert user["signature"].endswith(found.bio)
            assert bool(user["signature"]) == bool(found.bio)

    def test_whole_list(self, client: httpx.Client, world: World) -> None:
        """Twenty a page, nobody twice, never the person, nobody who is gone; the last page says so."""
        for one in [one for one in some(world, 200) if 45 < one.following_count < 130][:3]:
            pages = self.walk(client, one.handle)
            uids = [user["uid"] for page in pages for user in page["followings"]]
            assert len(set(uids)) == len(uids)
            assert one.uid not in uids
            assert one.following_count * 0.95 <= len(uids) <= one.following_count
            assert all(18 <= len(page["followings"]) <= 20 for page in pages[:-1])
            assert {page["total"] for page in pages} == {one.following_count}
            assert pages[-1]["min_time"] < pages[0]["min_time"]
            people = [world.find(None, uid) for uid in uids]
            assert all(found is not None and found.absence is None for found in people)

    def test_who_is_followed_shares_interests(self, client: httpx.Client, world: World) -> None:
        """Twice as often as chance would have it."""
        shares: list[bool] = []
        by_chance: list[bool] = []
        for one in [one for one in some(world, 40) if one.following_count > 60]:
            own = interest_names(one.number)
            for user in ask(client, FOLLOWING, handle=one.handle)["followings"]:
                found = world.find(user["unique_id"], None)
                assert found is not None
                shares.append(not own.isdisjoint(interest_names(found.number)))
            by_chance += [not own.isdisjoint(interest_names(number)) for number in range(100)]
        assert sum(shares) / len(shares) > 1.8 * sum(by_chance) / len(by_chance)

    def test_private(self, client: httpx.Client, world: World) -> None:
        """A private account shows nobody; among those followed it is not told apart."""
        (one,) = some(world, 1, is_private=True)
        body = ask(client, FOLLOWING, handle=one.handle)
        assert (body["followings"], body["has_more"], body["min_time"], body["total"]) == ([], False, 0, 0)

    def test_trim(self, client: httpx.Client, world: World) -> None:
        """Few keys, and no word of whether there are more."""
        one = next(one for one in some(world, 50) if one.following_count > 100)
        body = ask(client, FOLLOWING, handle=one.handle, trim="true")
        assert body.keys() == {"success", "credits_remaining", "credits_charged", "followings", "min_time", "total"}
        assert len(body["followings"][0]) == 11


class TestUsers:
    def test_page(self, client: httpx.Client, world: World) -> None:
        """Every key of the sample, thirty a page, no bio; half seem to follow nobody or one."""
        sample = load("tiktok_search_users")
        body = ask(client, USERS, query="Mira Oventide")
        assert_shaped({**sample, "user_list": []}, body)
        assert (len(body["user_list"]), body["cursor"], body["has_more"]) == (30, 30, 1)
        assert body["input_keyword"] == "Mira Oventide"
        for entry in body["user_list"]:
            assert_shaped(sample["user_list"][0], entry)
            assert "signature" not in entry["user_info"]
        few = sum(entry["user_info"]["following_count"] < 2 for entry in body["user_list"])
        assert 5 < few < 25

    def test_whole_search(self, client: httpx.Client, world: World) -> None:
        """It ends; nobody is found twice; most have a word of the name."""
        pages = [ask(client, USERS, query="mira", cursor=cursor) for cursor in (0, 30, 60)]
        assert [(len(page["user_list"]), page["has_more"]) for page in pages] == [(30, 1), (30, 1), (15, 0)]
        found = [entry["user_info"] for page in pages for entry in page["user_list"]]
        assert len({user["uid"] for user in found}) == len(found)
        like = sum("mira" in user["nickname"].lower().split() for user in found)
        by_chance = sum("Mira" in world.person(number).nickname for number in range(750)) / 10
        assert like > 3 * by_chance

    def test_nobody(self, client: httpx.Client) -> None:
        """A name that nobody has finds nobody, billed; no name is refused."""
        body = ask(client, USERS, query="nothing-matches")
        assert (body["user_list"], body["has_more"], body["credits_charged"]) == ([], 0, 1)
        assert client.get(USERS).status_code == 400

    def test_trim(self, client: httpx.Client) -> None:
        """Flat, under the other name."""
        body = ask(client, USERS, query="mira", trim="true")
        assert body.keys() == {"success", "credits_remaining", "credits_charged", "users", "cursor"}
        assert len(body["users"][0]) == 7


class TestProfile:
    def test_category(self, client: httpx.Client, world: World) -> None:
        """Some are business accounts, filed under what they care about most."""
        filed = 0
        for one in some(world, 40):
            commerce = ask(client, PROFILE, handle=one.handle)["user"]["commerceUserInfo"]
            filed += commerce["commerceUser"]
            if commerce["commerceUser"]:
                assert commerce["category"] == interests(SEED, one.number)[0].category
        assert 3 < filed < 20

    def test_the_bio_tells_what_the_person_cares_about(self, client: httpx.Client, world: World) -> None:
        """In front of what it said before; an empty one stays empty."""
        for one in some(world, 30):
            signature = ask(client, PROFILE, handle=one.handle)["user"]["signature"]
            if not one.bio:
                assert signature == ""
                continue
            line, _, rest = signature.partition("\n")
            assert rest == one.bio
            assert {interest.words[0] for interest in interests(SEED, one.number)} <= set(line.split(" • "))


@pytest.mark.parametrize("path", [VIDEOS, FOLLOWING])
def test_who_is_gone_is_not_found(path: str, client: httpx.Client, world: World) -> None:
    """By a 404, free, or by a flag in a 200, billed; without a handle nothing is answered."""
    (gone,) = some(world, 1, absence=Absence.STATUS)
    (flagged,) = some(world, 1, absence=Absence.FLAG)
    assert client.get(path, params={"handle": gone.handle}).status_code == 404
    assert client.get(path, params={"handle": "nobody"}).json()["credits_charged"] == 0
    assert ask(client, path, handle=flagged.handle)["accountDoesNotExist"] is True
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("kind", ["target_videos", "following", "users"])
def test_faults_reach_these_endpoints_too(kind: str, client: httpx.Client, world: World) -> None:
    """A malformed item costs itself only, an empty page is empty."""
    search = TIKTOK.searches[kind]
    one = next(one for one in some(world, 50) if one.following_count > 100)
    params = dict.fromkeys(("handle", "query"), one.handle) | {"region": "US"}
    whole = search.read(client.get(search.path, params=params).content)
    client.post("/_sandbox/faults", json=[{"fault": "malformed_item", "path": search.path}])
    spoilt = search.read(client.get(search.path, params=params).content)
    assert spoilt.items_count in (whole.items_count, whole.items_count + 1)
    assert spoilt != whole
    client.post("/_sandbox/faults", json=[{"fault": "empty_page", "path": search.path}])
    assert search.read(client.get(search.path, params=params).content).items_count == 0


def test_addresses_are_found_behind_the_interests(world: World) -> None:
    """The line in front of a bio hides none and adds none."""
    people = [world.person(number) for number in range(1500)]
    assert sum(bool(one.email) for one in people) > 500
    for one in people:
        assert find_emails(told_bio(SEED, one)) == find_emails(one.bio)


def test_a_similar_job_can_follow_its_leads(client: httpx.Client, world: World) -> None:
    """From any public target to people it follows, to hashtags and to names, each page read whole."""
    for one in [one for one in some(world, 60) if one.following_count > 60][:8]:
        waiting, found = [PlannedSearch(kind="target", query=one.handle)], list[Item]()
        kinds = Counter[str]()
        while waiting:
            lead = waiting.pop(0)
            kinds[lead.kind] += 1
            search, asked = TIKTOK.searches[lead.kind], SearchInput(query=lead.query)
            page = search.read(client.get(search.path, params=search.ask(asked, None)).raise_for_status().content)
            assert not [item for item in page.items if isinstance(item, Unparsable)]
            assert page.target is None or page.target.platform_id == one.uid
            waiting += search.leads(Trail(search=asked, page=page, target=None))
            found += [item for item in page.items if isinstance(item, Item)]
            if lead.kind == "following":
                assert not any(TIKTOK.profile.is_needed(item.account) for item in found)  # type: ignore[union-attr]
        assert kinds.keys() - {"target_videos_us"} == {"target", "target_videos", "following", "users", "hashtag"}
        assert 1 <= kinds["hashtag"] <= 6
        assert len({item.account.platform_id for item in found}) > 60
