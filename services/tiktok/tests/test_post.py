"""The posts of a target: which are its own, what they tell of it, and where they lead."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.domain.creator import Account, Item, Target
from common.errors import NotFoundError, ShapeError
from common.platform import Page, PlannedSearch, SearchInput, Trail, Unparsable
from common.reading.rhythm import posts_per_week
from tiktok.post import is_generic
from tiktok.table import TIKTOK

Json = dict[str, Any]
VIDEOS, AGAIN = TIKTOK.searches["target_videos"], TIKTOK.searches["target_videos_us"]
ID = "7300000000000000103"
AT = 1789500000
DAY = 86_400


@pytest.fixture
def make(sample: Callable[[str], Json]) -> Callable[..., Json]:
    """A post of the target, with other fields."""
    plain = sample("target_videos")["aweme_list"][1]

    def post(number: int, **fields: Any) -> Json:
        return copy.deepcopy(plain) | {"aweme_id": f"76840000000000009{number:02}"} | fields

    return post


def read(posts: object, **fields: object) -> Page:
    return VIDEOS.read(json.dumps({"success": True, "aweme_list": posts, "has_more": 1, **fields}).encode())


def read_target(posts: list[Json]) -> Account:
    target = read(posts).target
    assert target is not None
    return target


def leads(page: Page | None, *, region: str | None = None, target: Target | None = None) -> list[PlannedSearch]:
    return list(VIDEOS.leads(Trail(search=SearchInput(query="mira", region=region), page=page, target=target)))


def tagged(*names: str) -> list[Json]:
    return [{"type": 1, "hashtag_name": name} for name in names]


# --- asking --------------------------------------------------------------------------------------------------------


def test_posts_are_asked_for_by_handle() -> None:
    """From the job's region if it has one, and only the second time from the US."""
    assert VIDEOS.ask(SearchInput(query="@mira", cache_max_age="7d"), None) == {"handle": "mira"}
    assert VIDEOS.ask(SearchInput(query="mira", region="DE"), None) == {"handle": "mira", "region": "DE"}
    for region in (None, "DE"):
        assert AGAIN.ask(SearchInput(query="mira", region=region), None) == {"handle": "mira", "region": "US"}


def test_one_page_of_posts_is_enough(make: Callable[..., Json]) -> None:
    """Though there are more."""
    assert read([make(1)], max_cursor=1786913985759).cursor is None


# --- whose posts ---------------------------------------------------------------------------------------------------


def test_the_posts_are_the_target_s_and_no_candidates(make: Callable[..., Json]) -> None:
    """Pinned ones too; they tell who the target is."""
    page = read([make(1, is_top=1), make(2)])
    assert page.items == ()
    assert [content.platform_id for content in page.target_contents] == ["7684000000000000901", "7684000000000000902"]
    assert page.target is not None
    assert (page.target.platform_id, page.target.followers, page.target.posts) == (ID, 1284007, 1033)
    assert page.target.bio == "Online coach 💪 programmes below\nmgmt: team@parnfit.example"


def test_a_post_of_somebody_else_is_a_candidate(make: Callable[..., Json]) -> None:
    """Even where it stands first: the target made the most."""
    other = make(1)
    other["author"] |= {"uid": "7300000000000000199", "unique_id": "tobin"}
    page = read([other, make(2), make(3)])
    (item,) = page.items
    assert isinstance(item, Item)
    assert (item.account.handle, item.item_id) == ("tobin", "7684000000000000901")
    assert page.target is not None
    assert page.target.platform_id == ID
    assert len(page.target_contents) == 2


def test_a_post_without_an_author_is_the_target_s(make: Callable[..., Json]) -> None:
    """It stands in its list; with none at all nothing is told of the target."""
    page = read([make(1), make(2, author=None)])
    assert (page.items, len(page.target_contents)) == ((), 2)
    page = read([make(1, author=None)])
    assert (page.target, len(page.target_contents)) == (None, 1)


def test_what_is_no_post_is_unparsable(make: Callable[..., Json]) -> None:
    """Nor is one without its string id, which still tells of its author."""
    page = read([None, make(1, aweme_id=7684000000000000901), 5])
    assert page.items == (Unparsable("not a post"), Unparsable("not a post"), Unparsable("post without a string id"))
    assert page.target_contents == ()
    assert page.target is not None
    assert page.target.platform_id == ID


def test_an_empty_bio_of_the_target_is_known(make: Callable[..., Json]) -> None:
    """This list tells bios."""
    post = make(1)
    post["author"]["signature"] = ""
    assert read_target([post]).bio == ""


def test_a_lost_list_is_no_page_and_no_account_is_not_found() -> None:
    """An empty list is a page."""
    with pytest.raises(ShapeError):
        VIDEOS.read(b'{"success": true}')
    with pytest.raises(NotFoundError):
        VIDEOS.read(b'{"success": true, "accountDoesNotExist": true}')
    assert read([]) == Page(items=(), cursor=None)


# --- what they tell together ---------------------------------------------------------------------------------------


def test_hashtags_of_a_target_are_its_most_used_first(make: Callable[..., Json]) -> None:
    """Whatever their case, as first written."""
    posts = [make(1, text_extra=tagged("GymTok", "abs")), make(2, text_extra=tagged("strength", "abs"))]
    posts += [make(3, text_extra=tagged("gymtok", "fyp")), make(4, text_extra=tagged("GYMTOK"))]
    assert read_target(posts).hashtags == ("GymTok", "abs", "strength", "fyp")


def test_mentions_of_a_target_are_its_most_mentioned_first(make: Callable[..., Json]) -> None:
    """Folded."""
    posts = [make(n, desc=text, text_extra=[]) for n, text in enumerate(["@a", "@b and @c", "@B"])]
    assert read_target(posts).mentions == ("b", "a", "c")


def test_the_country_of_a_target_is_where_it_uploads_most(make: Callable[..., Json]) -> None:
    """The account's own is not told any more; it may travel."""
    assert read_target([make(1, region="PT"), make(2, region="US"), make(3, region="US")]).country == "US"
    assert read_target([make(1, region="")]).country is None


def test_pinned_posts_do_not_count_in_the_rhythm(make: Callable[..., Json]) -> None:
    """They are old; but the newest of all is the last, pinned or not."""
    pinned = make(1, is_top=1, create_time=AT - 700 * DAY)
    posts = [pinned, *(make(n, create_time=AT - n * DAY) for n in range(2, 10))]
    target = read_target(posts)
    assert target.posts_per_week == 7.0
    assert target.last_posted_at == datetime.fromtimestamp(AT - 2 * DAY, UTC)
    posts[0]["create_time"] = AT
    assert read_target(posts).posts_per_week == 7.0
    assert read_target(posts).last_posted_at == datetime.fromtimestamp(AT, UTC)


def test_posts_without_a_time_tell_no_rhythm(make: Callable[..., Json]) -> None:
    """Unknown, not 0."""
    target = read_target([make(n, create_time=0, create_time_utc=None) for n in range(5)])
    assert (target.posts_per_week, target.last_posted_at) == (None, None)


@pytest.mark.parametrize(
    ("days", "rate"),
    [
        ((), None),
        ((0,), None),
        ((0, 7), None),
        ((0, 7, 14), 1.0),
        ((14, 0, 7), 1.0),
        ((0, 0, 0), 14.0),
        ((0, 1, 21), 0.67),
    ],
)
def test_a_rhythm_needs_three_posts(days: tuple[int, ...], rate: float | None) -> None:
    """In any order; posts of one day count as of one day, not of a second."""
    start = datetime(2026, 9, 1, tzinfo=UTC)
    assert posts_per_week(start + timedelta(days=day) for day in days) == rate


# --- where they lead -----------------------------------------------------------------------------------------------


def test_posts_lead_to_the_hashtags_most_used_first(make: Callable[..., Json]) -> None:
    """Six at most, folded, in the second wave, without those that everybody writes."""
    posts = [make(1, text_extra=tagged("fyp", "Strength", "deadlift", "viral", "a1", "a2"))]
    posts += [make(2, text_extra=tagged("strength", "fyp", "foryou", "deadlift", "a3", "a4", "a5"))]
    posts += [make(3, text_extra=tagged("STRENGTH", "fyp"))]
    found = leads(read(posts))
    assert [lead.query for lead in found] == ["strength", "deadlift", "a1", "a2", "a3", "a4"]
    assert {(lead.kind, lead.wave) for lead in found} == {("hashtag", 1)}


@pytest.mark.parametrize(
    "tag", ["fyp", "FYP", "fypシ", "fypppp", "foryoupage", "viral_video", "pourtoi", "fürdich", "2024"]
)
def test_a_hashtag_of_everybody_says_nothing(tag: str) -> None:
    """In whatever case and with whatever behind it."""
    assert is_generic(tag)


@pytest.mark.parametrize("tag", ["sourdough", "strength", "breadtok", "lovebread", "adhd", "y2k"])
def test_a_hashtag_of_somebody_says_something(tag: str) -> None:
    """Also if it starts like one of everybody's."""
    assert not is_generic(tag)


def test_posts_that_say_nothing_lead_nowhere(make: Callable[..., Json]) -> None:
    """Nor do posts that were not read."""
    assert leads(read([make(1, text_extra=tagged("fyp"), cha_list=None, desc="")])) == []
    assert leads(None) == []


def test_an_empty_list_is_asked_for_once_more_from_the_us() -> None:
    """In the same wave, so that the hashtags still come in time; and only once."""
    assert leads(read([])) == [PlannedSearch(kind="target_videos_us", query="mira", wave=0)]
    again = Trail(search=SearchInput(query="mira"), page=AGAIN.read(b'{"aweme_list": []}'), target=None)
    assert list(AGAIN.leads(again)) == []


def test_an_empty_list_is_not_asked_for_again_in_vain() -> None:
    """If it was asked for from the US, or the target is known to have no posts."""
    assert leads(read([]), region="US") == []
    known = Target(account=Account(platform_id=ID, handle="mira", posts=0))
    assert leads(read([]), target=known) == []
    assert leads(read([]), target=Target(account=known.account.model_copy(update={"posts": 5}))) != []


def test_a_list_seen_from_the_us_leads_on_like_any(make: Callable[..., Json]) -> None:
    """To the hashtags."""
    trail = Trail(search=SearchInput(query="mira"), page=read([make(1)]), target=None)
    assert AGAIN.leads(trail) == VIDEOS.leads(trail) == (PlannedSearch(kind="hashtag", query="deadlift", wave=1),)
