"""The target of a job in similar mode, who stands beside it, and where it leads."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Account, Content, Item
from common.errors import NotFoundError
from common.platform import Page, PlannedSearch, SearchInput, Trail, Unparsable
from instagram.lead import telling_queries
from instagram.table import INSTAGRAM

Json = dict[str, Any]
TARGET, RELATED = INSTAGRAM.searches["target"], INSTAGRAM.searches["related"]


def page_of(body: Json) -> Page:
    return TARGET.read(json.dumps(body).encode())


def leads(page: Page | None) -> list[PlannedSearch]:
    return list(TARGET.leads(Trail(search=SearchInput(query="asked.for"), page=page, target=None)))


def account(**fields: Any) -> Account:
    return Account(platform_id="7", handle="sol.brackenvale", **{"name": "Sol Brackenvale"} | fields)


def posts(*captions: str) -> list[Content]:
    return [
        Content(platform_id=str(number), text=text, hashtags=tuple(word[1:] for word in text.split() if word[0] == "#"))
        for number, text in enumerate(captions)
    ]


def handles(page: Page) -> list[str]:
    return [item.account.handle for item in page.items if isinstance(item, Item)]


@pytest.mark.parametrize("search", [TARGET, RELATED])
def test_an_account_is_asked_for_by_handle(search: Any) -> None:
    """With the greatest age of a cached answer; there is one page, and no region."""
    asked = SearchInput(query="@mira", region="GB", cache_max_age="1d")
    assert search.ask(asked, None) == {"handle": "mira", "cache_max_age": "1d"}
    assert search.ask(SearchInput(query="mira"), "2") == {"handle": "mira"}


def test_a_target_comes_with_its_posts_and_whom_instagram_shows_beside_it(answer: Json) -> None:
    """The others are items; that is all there is."""
    page = page_of(answer)
    assert page.target is not None
    assert page.target.handle == "sol.brackenvale"
    assert len(page.target_contents) == 3
    assert handles(page) == ["wrenhallowmere", "odelia_fenwright", "juno.tarrowby"]
    assert page.cursor is None


def test_whom_a_creator_is_shown_beside_is_no_target(answer: Json) -> None:
    """The page holds the related profiles alone."""
    page = RELATED.read(json.dumps(answer).encode())
    assert handles(page) == ["wrenhallowmere", "odelia_fenwright", "juno.tarrowby"]
    assert (page.target, page.target_contents, page.cursor) == (None, (), None)


@pytest.mark.parametrize("related", [None, {}, {"edges": []}, {"edges": None}, [], "odd"])
def test_many_have_nobody_beside_them(answer: Json, user: Json, related: object) -> None:
    """The list may be empty, or missing."""
    user["edge_related_profiles"] = related
    assert page_of(answer).items == ()
    del user["edge_related_profiles"]
    assert page_of(answer).items == ()


def test_a_post_made_with_somebody_else_is_an_item(answer: Json, user: Json) -> None:
    """Of the one who owns it; what is no post is unparsable."""
    edges = user["edge_owner_to_timeline_media"]["edges"]
    edges[0]["node"]["owner"] = {"id": "91000000009", "username": "tam.ildre"}
    edges[1]["node"] = 5
    del edges[2]["node"]["id"]
    user["edge_related_profiles"]["edges"] = [{"node": None}, {}]
    page = page_of(answer)
    assert page.target_contents == ()
    assert page.items[:3] == (
        Unparsable("not a person"),
        Unparsable("not a person"),
        page.items[2],
    )
    assert handles(page) == ["tam.ildre"]
    assert page.items[3:] == (Unparsable("not a post"), Unparsable("post without a string id"))
    assert page.target is not None
    assert page.target.hashtags == ()


def test_a_post_whose_owner_is_not_told_is_the_targets(answer: Json, user: Json) -> None:
    """It stands on its page."""
    for edge in user["edge_owner_to_timeline_media"]["edges"]:
        del edge["node"]["owner"]
    assert len(page_of(answer).target_contents) == 3


def test_a_target_leads_to_profiles_that_speak_of_the_same(answer: Json, user: Json) -> None:
    """Later, if those beside it were not enough."""
    user |= {"category_name": "Bakery", "biography": "Sourdough and rye. DM for collab"}
    found = leads(page_of(answer))
    assert {(lead.kind, lead.wave) for lead in found} == {("keyword", 1)}
    assert [lead.query for lead in found] == ["Bakery", "sourdough", "rye", "baking"]


def test_a_private_target_is_told_so_and_leads_nowhere(sample: Callable[[str], Json]) -> None:
    """The job ends with that reason."""
    body = sample("profile_private")
    body["data"]["user"] |= {"biography": "sourdough", "category_name": "Bakery"}
    page = page_of(body)
    assert page.target is not None
    assert page.target.private is True
    assert leads(page) == []


def test_a_target_that_was_not_read_leads_nowhere() -> None:
    """Neither by an error nor by an empty page."""
    for page in (None, Page(items=(), cursor=None)):
        assert leads(page) == []


def test_a_200_may_say_that_there_is_no_such_target() -> None:
    """It ends the job with that reason."""
    for search in (TARGET, RELATED):
        with pytest.raises(NotFoundError):
            search.read(b'{"success": true, "accountDoesNotExist": true}')


# --- telling queries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "captions", "queries"),
    [
        ({"bio": "Sourdough | rye | wholegrain | spelt | einkorn"}, (), ["sourdough", "rye", "wholegrain", "spelt"]),
        ({"bio": "rye, then spelt"}, ("#spelt now", "spelt again"), ["spelt", "rye"]),
        ({"bio": ""}, ("#crumb #fyp", "#crumb", "#oven #reels"), ["crumb", "oven"]),
        ({"bio": "rye"}, ("#crumb #crumbshot", "#crumb", "#crumb"), ["crumb", "rye"]),
        ({"category": "Bakery", "bio": "rye"}, (), ["Bakery", "rye"]),
        ({"category": "Digital creator", "bio": "rye"}, (), ["rye"]),
        ({"category": "Personal Blog"}, (), []),
        ({"bio": "Vlog, ugc and rye"}, (), ["rye"]),
        ({"category": "🥐"}, (), []),
        ({"category": "x" * 200, "bio": "rye"}, (), ["rye"]),
        ({"bio": "the best of all, follow me for more"}, (), []),
        ({"bio": "hello@brackenvale.example https://rye.example @wrenhallowmere 2026"}, (), []),
        ({"bio": "xx"}, ("#1234 #🥐 #ab",), []),
        ({"bio": "Brackenvale bakes", "name": "Brackenvale"}, (), ["bake"]),
        ({"bio": None}, ("#solbrackenvale #teamsolbrackenvale #rye",), ["rye"]),
        ({"bio": "хлеб и пекарня"}, (), ["хлеб", "пекарня"]),
        ({"bio": None}, (), []),
    ],
)
def test_queries_are_what_bio_and_hashtags_say(fields: Json, captions: tuple[str, ...], queries: list[str]) -> None:
    """Four at most, the category first; no stop words, addresses, names, nor one that is in another."""
    assert telling_queries(account(**fields), posts(*captions)) == queries


def test_a_caption_alone_makes_no_query() -> None:
    """Only what the bio says too, or a hashtag."""
    assert telling_queries(account(bio="rye"), posts("physics of crumbs", "physics again")) == ["rye"]


def test_queries_do_not_depend_on_the_order_of_posts() -> None:
    """Else a repeated page would lead elsewhere."""
    captions = ["#rye #crumb", "#crumb #oven", "#oven #rye #spelt"]
    first = set(telling_queries(account(), posts(*captions)))
    assert first == set(telling_queries(account(), posts(*reversed(captions))))
    assert first == {"rye", "crumb", "oven", "spelt"}
