"""Which endpoints a live check asks, where its answers lead, and when a shape has held."""

from collections.abc import Sequence

import pytest

from common.domain.creator import Account, Content, Item, Statistics
from common.domain.job import PlatformName
from common.engine.live_check import (
    PROFILE_KIND,
    Endpoint,
    Finding,
    Share,
    choose,
    endpoints_of,
    first_known,
    judge,
    learnt,
    params_for,
    read,
)
from common.platform import Page, Unparsable
from tiktok.table import TIKTOK
from youtube.table import YOUTUBE

ENDPOINT = Endpoint(platform=PlatformName.TIKTOK, kind="keyword", path="/search", reader=1)


def endpoint(platform: PlatformName, number: int, reader: object = None) -> Endpoint:
    path = f"/{platform}/{number}"
    return Endpoint(platform=platform, kind=f"kind{number}", path=path, reader=reader or path)


def item(number: int, **more: object) -> Item:
    account = Account(platform_id=str(number), handle=f"mira{number}", **more)  # type: ignore[arg-type]
    content = Content(platform_id=str(number), text="bread", statistics=Statistics(views=number))
    return Item(item_id=str(number), account=account, content=content)


def judged(page: Page, *relied_on: str) -> Finding:
    return judge(Finding(endpoint=ENDPOINT, wrong=None, status=200), page, relied_on)


def left_out(endpoints: Sequence[Endpoint], calls_max: int) -> list[str]:
    choice = choose(endpoints, calls_max)
    assert len(choice.asked) == min(calls_max, len(endpoints))
    assert [one for one in endpoints if one in choice.asked] == list(choice.asked), "the order of the tables"
    assert {one.platform for one in choice.asked} == {one.platform for one in endpoints}
    return [one.path for one in choice.left_out]


def test_each_path_is_asked_once_under_the_first_kind_that_has_it() -> None:
    kinds = {one.path: one.kind for one in endpoints_of(TIKTOK)}
    assert kinds["/v1/tiktok/profile"] == "target"
    assert kinds["/v3/tiktok/profile/videos"] == "target_videos"
    assert set(kinds) == {search.path for search in TIKTOK.searches.values()}


def test_too_many_lose_first_what_is_read_alike_then_the_last_of_the_longest_platform() -> None:
    tiktok = [endpoint(PlatformName.TIKTOK, number) for number in range(6)]
    instagram = [endpoint(PlatformName.INSTAGRAM, number) for number in range(4)]
    youtube = [endpoint(PlatformName.YOUTUBE, number, "search" if number < 2 else None) for number in range(4)]
    everything = [*tiktok, *instagram, *youtube]
    assert left_out(everything, 14) == []
    assert left_out(everything, 13) == ["/youtube/1"]
    assert left_out(everything, 12) == ["/tiktok/5", "/youtube/1"]
    assert left_out(everything, 3) == [one.path for one in everything if not one.path.endswith("/0")]


def test_a_check_starts_from_a_word_and_goes_where_the_answers_lead() -> None:
    known = first_known("coffee", None)
    keyword, hashtag, target, *_ = endpoints_of(TIKTOK)
    assert params_for(TIKTOK, keyword, known) == {"query": "coffee"}
    assert params_for(TIKTOK, hashtag, known) == {"hashtag": "coffee"}
    assert params_for(TIKTOK, target, known) is None
    page = Page(items=(Unparsable("odd"), item(1, private=True), item(2), item(3)), cursor=None)
    known = learnt(TIKTOK, keyword, page, known)
    assert params_for(TIKTOK, target, known) == {"handle": "mira2"}
    account = Account(platform_id="2", handle="mira2", name="Mira Ovens")
    known = learnt(TIKTOK, target, Page(items=(), cursor=None, target=account), known)
    asked = {one.kind: params_for(TIKTOK, one, known) for one in endpoints_of(TIKTOK)}
    assert asked["target_videos"] == asked["following"] == {"handle": "mira2"}
    assert asked["users"] == {"query": "Mira Ovens"}


def test_whose_handle_is_given_is_asked_for_whoever_is_found() -> None:
    known = first_known("coffee", "tiktok")
    keyword, _, target, *_ = endpoints_of(TIKTOK)
    known = learnt(TIKTOK, keyword, Page(items=(item(1),), cursor=None), known)
    assert params_for(TIKTOK, target, known) == {"handle": "tiktok"}


def test_a_profile_that_no_search_asks_is_asked_for_somebody_who_was_found() -> None:
    profile = YOUTUBE.profile
    assert profile is not None
    alone = Endpoint(platform=PlatformName.YOUTUBE, kind=PROFILE_KIND, path=profile.path, reader=profile.read)
    known = first_known("coffee", None)
    assert params_for(YOUTUBE, alone, known) is None
    keyword, *_ = endpoints_of(YOUTUBE)
    known = learnt(YOUTUBE, keyword, Page(items=(item(7),), cursor=None), known)
    assert params_for(YOUTUBE, alone, known) == {"channelId": "7"}
    page = read(YOUTUBE, alone, b'{"success": true, "channelId": "UC7", "name": "Mira"}')
    assert page.target is not None
    assert page.target.name == "Mira"
    assert learnt(YOUTUBE, alone, page, known).target is not None


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        (Page(items=(item(1, followers=0), item(2)), cursor="2"), None),
        (Page(items=(item(1), item(2)), cursor="2"), "lacks account.followers"),
        (Page(items=(item(1, followers=5),), cursor=None), "lacks cursor"),
        (Page(items=(), cursor="2"), "nothing on the page"),
        (Page(items=(item(1, followers=5), Unparsable("odd")), cursor="2"), None),
        (
            Page(items=(item(1, followers=5), Unparsable("odd"), Unparsable("odd")), cursor="2"),
            "most items cannot be read",
        ),
    ],
)
def test_a_shape_held_if_most_was_read_and_what_is_relied_on_came(page: Page, wrong: str | None) -> None:
    assert judged(page, "cursor", "account.followers").wrong == wrong


def test_it_is_counted_how_often_a_field_came_and_why_items_could_not_be_read() -> None:
    page = Page(
        items=(item(1, followers=3), item(2), Unparsable("odd")),
        cursor="x",
        target_contents=(Content(platform_id="9"),),
    )
    found = judged(page, "cursor", "account.followers", "account.links", "content.text", "statistics.views")
    assert found.shares == {
        "cursor": Share(1, 1),
        "account.followers": Share(1, 2),
        "account.links": Share(0, 2),
        "content.text": Share(2, 3),
        "statistics.views": Share(2, 3),
    }
    assert (found.item_count, found.unparsable_count, found.unread) == (4, 1, {"odd": 1})
    assert found.wrong == "lacks account.links"
