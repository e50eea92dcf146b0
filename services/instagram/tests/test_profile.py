"""What the profile endpoint tells, in both of its shapes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Account
from common.errors import NotFoundError, ShapeError
from instagram.profile import PROFILE
from instagram.table import INSTAGRAM

Json = dict[str, Any]
Read = Callable[[Json], Account]
DAY = 86_400
START = 1_789_000_000


def set_posts(user: Json, *times: int, pinned: tuple[int, ...] = ()) -> None:
    """Posts at these times, in this order; those at the places of `pinned` are marked."""
    media = user["edge_owner_to_timeline_media"]
    node = media["edges"][0]["node"]
    media["edges"] = [
        {
            "node": {
                **node,
                "id": f"{place + 1}",
                "taken_at_timestamp": time,
                "pinned_for_users": [{}] * (place in pinned),
            }
        }
        for place, time in enumerate(times)
    ]


def test_a_profile_is_asked_for_by_handle() -> None:
    """Without @, and with the greatest age of a cached answer if there is one."""
    account = Account(platform_id="7", handle="@mira")
    assert PROFILE.ask(account, None) == {"handle": "mira"}
    assert PROFILE.ask(account, "7d") == {"handle": "mira", "cache_max_age": "7d"}


def test_the_graphs_counts_are_before_the_flat_ones(answer: Json, user: Json, read_profile: Read) -> None:
    """Zero is a count too; where the graph says nothing, the flat ones stand in."""
    user |= {"follower_count": 5, "following_count": 6, "media_count": 7, "edge_followed_by": {"count": 0}}
    told = read_profile(answer)
    assert (told.followers, told.following, told.posts) == (0, 612, 388)
    user |= {"edge_followed_by": {"count": None}, "edge_follow": None, "edge_owner_to_timeline_media": "odd"}
    told = read_profile(answer)
    assert (told.followers, told.following, told.posts) == (5, 6, 7)
    user |= {"follower_count": None, "following_count": -1}
    del user["media_count"]
    told = read_profile(answer)
    assert (told.followers, told.following, told.posts) == (None, None, None)


@pytest.mark.parametrize(
    ("address", "city"),
    [
        ('{"city_name": "Bristol, United Kingdom", "zip_code": null}', "Bristol, United Kingdom"),
        ({"city_name": "Bristol"}, "Bristol"),
        ({"city_name": ""}, None),
        ({}, None),
        ("", None),
        ("odd", None),
        ("\ud83d", None),
        (None, None),
        ([], None),
    ],
)
def test_the_address_is_an_object_or_written_as_a_string(
    answer: Json, user: Json, read_profile: Read, address: object, city: str | None
) -> None:
    """Or null."""
    user["business_address_json"] = address
    assert read_profile(answer).native.get("city_name") == city


@pytest.mark.parametrize(
    ("told", "category"),
    [
        ({"category_name": "Art", "business_category_name": "Shop"}, "Art"),
        ({"category_name": None, "business_category_name": "None", "overall_category_name": "Food"}, "Food"),
        ({"category_name": "None", "business_category_name": "Shop"}, "Shop"),
        ({"category_name": None, "category": "Baker"}, "Baker"),
        ({"category_name": None}, None),
    ],
)
def test_the_word_none_is_no_category(
    answer: Json, user: Json, read_profile: Read, told: Json, category: str | None
) -> None:
    """It stands where a business has none."""
    user |= told
    assert read_profile(answer).category == category


@pytest.mark.parametrize(
    ("told", "emails"),
    [
        ({"business_email": "sol@brackenvale.example"}, ("sol@brackenvale.example",)),
        ({"business_email": "a@b.example", "public_email": "a@b.example"}, ("a@b.example",)),
        ({"business_email": None, "public_email": "c@b.example"}, ("c@b.example",)),
        ({"business_email": ""}, ()),
        ({"business_email": None}, ()),
        ({"business_email": 5}, ()),
    ],
)
def test_the_business_address_is_an_email_field(
    answer: Json, user: Json, read_profile: Read, told: Json, emails: tuple[str, ...]
) -> None:
    """As written; it is usually null."""
    user |= told
    assert read_profile(answer).emails == emails


def test_what_only_instagram_has_is_kept_under_its_own_names(answer: Json, user: Json, read_profile: Read) -> None:
    """Few things, and none that is unknown."""
    user |= {"account_type": 3, "business_contact_method": "EMAIL", "business_address_json": None}
    assert read_profile(answer).native == {
        "is_business_account": True,
        "is_professional_account": True,
        "account_type": 3,
        "business_contact_method": "EMAIL",
    }
    del user["is_business_account"], user["is_professional_account"], user["account_type"]
    user["business_contact_method"] = "UNKNOWN"
    assert read_profile(answer).native == {}
    user["is_business"] = False
    assert read_profile(answer).native == {"is_business_account": False}


def test_the_largest_picture_is_kept(answer: Json, user: Json, read_profile: Read) -> None:
    """Of the graph, else of the app, else the small one."""
    user |= {
        "profile_pic_url_hd": "https://a.example/1.jpg?oe=1",
        "hd_profile_pic_url_info": {"url": "https://a.example/2.jpg"},
    }
    assert read_profile(answer).avatar_url == "https://a.example/1.jpg?oe=1"
    user["profile_pic_url_hd"] = None
    assert read_profile(answer).avatar_url == "https://a.example/2.jpg"
    user |= {"hd_profile_pic_url_info": "odd", "profile_pic_url": "https://a.example/3.jpg"}
    assert read_profile(answer).avatar_url == "https://a.example/3.jpg"


def test_an_empty_bio_is_known(answer: Json, user: Json, read_profile: Read) -> None:
    """A missing one is not."""
    user["biography"] = ""
    assert read_profile(answer).bio == ""
    del user["biography"]
    assert read_profile(answer).bio is None


# --- posts -----------------------------------------------------------------------------------------------------------


def test_the_rhythm_is_that_of_the_posts(answer: Json, user: Json, read_profile: Read) -> None:
    """Three gaps in six days are three and a half a week."""
    set_posts(user, START, START - 2 * DAY, START - 4 * DAY, START - 6 * DAY)
    told = read_profile(answer)
    assert told.posts_per_week == 3.5
    assert told.last_posted_at is not None
    assert told.last_posted_at.timestamp() == START


@pytest.mark.parametrize("pinned", [(0, 1), ()])
def test_pinned_posts_say_nothing_of_the_rhythm(
    answer: Json, user: Json, read_profile: Read, pinned: tuple[int, ...]
) -> None:
    """They come first and may be years old, marked or not; the last post is the newest all the same."""
    recent = (START - gap * DAY for gap in (0, 2, 4, 6))
    set_posts(user, START - 900 * DAY, START - 500 * DAY, *recent, pinned=pinned)
    told = read_profile(answer)
    assert told.posts_per_week == 3.5
    assert told.last_posted_at is not None
    assert told.last_posted_at.timestamp() == START


def test_a_pinned_post_may_be_the_newest(answer: Json, user: Json, read_profile: Read) -> None:
    """It counts as the last, though not for the rhythm."""
    set_posts(user, START, START - 10 * DAY, START - 12 * DAY, START - 14 * DAY, pinned=(0,))
    told = read_profile(answer)
    assert told.posts_per_week == 3.5
    assert told.last_posted_at is not None
    assert told.last_posted_at.timestamp() == START


def test_only_the_first_few_can_be_pinned(answer: Json, user: Json, read_profile: Read) -> None:
    """A later one out of order is a post like others."""
    set_posts(user, *(START - gap * DAY for gap in (0, 2, 4, 10, 6)))
    assert read_profile(answer).posts_per_week == 2.8


def test_too_few_posts_have_no_rhythm(answer: Json, user: Json, read_profile: Read) -> None:
    """And none at all no last one."""
    set_posts(user, START, START - DAY)
    assert read_profile(answer).posts_per_week is None
    set_posts(user)
    told = read_profile(answer)
    assert (told.posts_per_week, told.last_posted_at, told.hashtags, told.mentions) == (None, None, (), ())


def test_the_most_used_hashtags_come_first(answer: Json, user: Json, read_profile: Read) -> None:
    """Whatever their case, as first written."""
    set_posts(user, START, START - DAY, START - 2 * DAY)
    edges = user["edge_owner_to_timeline_media"]["edges"]
    for edge, text in zip(edges, ("#rye @b", "#Bread @a", "#bread @a"), strict=True):
        edge["node"]["edge_media_to_caption"] = {"edges": [{"node": {"text": text}}]}
    told = read_profile(answer)
    assert (told.hashtags, told.mentions) == (("Bread", "rye"), ("a", "b"))


def test_a_page_full_of_tags_is_kept_in_part(answer: Json, user: Json, read_profile: Read) -> None:
    """A hundred hashtags and fifty mentions say enough; and a line is a line."""
    set_posts(user, *(START - place * DAY for place in range(12)))
    for place, edge in enumerate(user["edge_owner_to_timeline_media"]["edges"]):
        words = (f"#tag{place}x{number} @name{place}x{number}" for number in range(10))
        edge["node"]["edge_media_to_caption"] = {"edges": [{"node": {"text": " ".join(words)}}]}
    user["business_contact_method"] = "x" * 5000
    told = read_profile(answer)
    assert (len(told.hashtags), len(told.mentions)) == (100, 50)
    assert (told.hashtags[0], told.mentions[0]) == ("tag0x0", "name0x0")
    assert len(str(told.native["business_contact_method"])) < 1000


@pytest.mark.parametrize(
    ("liked", "preview", "likes"),
    [
        ({"count": 5}, {"count": 7}, 5),
        ({"count": -1}, {"count": 7}, 7),
        ({"count": -1}, {"count": -1}, None),
        (None, None, None),
    ],
)
def test_likes_of_a_node_are_told_twice(
    answer: Json, user: Json, liked: object, preview: object, likes: int | None
) -> None:
    """-1 is hidden."""
    set_posts(user, START)
    user["edge_owner_to_timeline_media"]["edges"][0]["node"] |= {
        "edge_liked_by": liked,
        "edge_media_preview_like": preview,
    }
    (content,) = INSTAGRAM.searches["target"].read(json.dumps(answer).encode()).target_contents
    assert content.statistics.likes == likes


# --- no profile ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"accountDoesNotExist": True},
        {"success": True, "accountDoesNotExist": True, "data": {"user": None}},
        {"success": True, "error": "not_found", "data": {"user": None}},
        {"success": False, "error": "not_found"},
    ],
)
def test_a_body_that_says_so_is_an_unknown_account(read_profile: Read, body: Json) -> None:
    """Seen in a 200."""
    with pytest.raises(NotFoundError):
        read_profile(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"success": True},
        {"success": True, "data": None, "status": "ok"},
        {"success": True, "data": {"user": None}, "status": "ok"},
        {"success": True, "data": {"user": {}}},
        {"success": True, "data": {"user": {"id": 7, "username": "mira"}}},
        {"success": True, "data": {"user": {"id": "7"}}},
        {"success": False, "data": {"user": {"id": "7", "username": "mira"}}},
        {"accountDoesNotExist": False},
        [],
        None,
    ],
)
def test_a_body_without_a_user_is_no_profile(body: object) -> None:
    """It does not say that there is no such account, and that would be remembered."""
    with pytest.raises(ShapeError):
        PROFILE.read(json.dumps(body).encode())
