"""What the profile endpoint tells."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Account
from common.errors import NotFoundError, ShapeError
from tiktok.profile import PROFILE

Json = dict[str, Any]
Read = Callable[[Json], Account]


def account(**fields: Any) -> Account:
    return Account(platform_id="7300000000000000101", handle="mira.oventide", **fields)


def test_a_profile_is_asked_for_by_handle() -> None:
    """Without @, and with the greatest age of a cached answer if there is one."""
    assert PROFILE.ask(account(), None) == {"handle": "mira.oventide"}
    assert PROFILE.ask(account().model_copy(update={"handle": "@mira"}), None) == {"handle": "mira"}
    assert PROFILE.ask(account(), "7d") == {"handle": "mira.oventide", "cache_max_age": "7d"}


@pytest.mark.parametrize(
    ("known", "is_needed"),
    [
        (account(), True),
        (account(bio="", followers=None), True),
        (account(bio=None, followers=5), True),
        (account(bio="", followers=0), False),
    ],
)
def test_a_profile_is_needed_for_the_bio_or_the_followers(known: Account, is_needed: bool) -> None:
    """An empty bio and 0 followers are known."""
    assert PROFILE.is_needed(known) is is_needed


def test_exact_counts_come_from_the_strings(user: Json, read_profile: Read) -> None:
    """`stats` rounds big accounts."""
    user["stats"]["followerCount"] = 29900000
    user["statsV2"]["followerCount"] = "29900500"
    assert read_profile(user).followers == 29900500


def test_without_the_strings_the_numbers_stand_in(user: Json, read_profile: Read) -> None:
    """Older answers have no `statsV2`."""
    del user["statsV2"]
    told = read_profile(user)
    assert (told.followers, told.following, told.posts) == (1280000, 201, 1033)


@pytest.mark.parametrize("odd", [None, "", "1.2M", -1, "-1", []])
def test_an_odd_string_makes_its_number_stand_in(user: Json, read_profile: Read, odd: object) -> None:
    """One by one."""
    user["statsV2"]["followerCount"] = odd
    told = read_profile(user)
    assert (told.followers, told.following) == (1280000, 201)


def test_a_negative_count_is_unknown(user: Json, read_profile: Read) -> None:
    """It is an overflow, as `heartCount` shows, which is not read."""
    assert user["stats"]["heartCount"] < 0
    del user["statsV2"]
    user["stats"]["followerCount"] = -1968520649
    assert read_profile(user).followers is None


def test_without_any_counts_they_are_unknown(user: Json, read_profile: Read) -> None:
    """Not 0."""
    del user["stats"], user["statsV2"]
    told = read_profile(user)
    assert (told.followers, told.following, told.posts) == (None, None, None)


def test_zero_followers_of_a_profile_are_zero(user: Json, read_profile: Read) -> None:
    """This endpoint knows."""
    user["statsV2"]["followerCount"] = "0"
    assert read_profile(user).followers == 0


@pytest.mark.parametrize(("signature", "bio"), [("", ""), ("\x00", ""), (None, None), (5, None), ("a\r\nb", "a\nb")])
def test_an_empty_signature_is_known_to_be_no_bio(
    user: Json, read_profile: Read, signature: object, bio: str | None
) -> None:
    """Only here; an absent one is unknown."""
    user["user"]["signature"] = signature
    assert read_profile(user).bio == bio


def test_half_an_emoji_does_not_lose_the_profile(user: Json, read_profile: Read) -> None:
    """Nor the rest of the bio."""
    user["user"]["signature"] = "Coach \ud83d"
    assert read_profile(user).bio == "Coach "


@pytest.mark.parametrize(
    ("bio_link", "links"),
    [
        ({"link": "linkin.example/a", "risk": 3}, ("https://linkin.example/a",)),
        ({"link": "http://linkin.example/a"}, ("http://linkin.example/a",)),
        ({"link": "javascript:alert(1)"}, ()),
        ({"link": ""}, ()),
        ({"link": None}, ()),
        ({}, ()),
        (None, ()),
        ("linkin.example", ()),
    ],
)
def test_the_link_under_the_bio_is_made_whole(
    user: Json, read_profile: Read, bio_link: object, links: tuple[str, ...]
) -> None:
    """Only http and https; it often lacks a scheme."""
    user["user"]["bioLink"] = bio_link
    assert read_profile(user).links == links


def test_a_profile_without_a_link_has_none(user: Json, read_profile: Read) -> None:
    """The key is absent then."""
    del user["user"]["bioLink"]
    assert read_profile(user).links == ()


def test_the_profile_knows_whether_an_account_is_private(user: Json, read_profile: Read) -> None:
    """Both ways; `secret` is false also for private accounts and is not read."""
    user["user"] |= {"privateAccount": True, "secret": False}
    assert read_profile(user).private is True
    user["user"]["privateAccount"] = False
    assert read_profile(user).private is False
    del user["user"]["privateAccount"]
    assert read_profile(user).private is None


def test_the_largest_picture_that_browsers_show_is_kept(user: Json, read_profile: Read) -> None:
    """The pictures are plain strings here."""
    user["user"] |= {"avatarLarger": "https://a.example/1.heic?s=1", "avatarMedium": "https://a.example/2.jpeg?s=1"}
    assert read_profile(user).avatar_url == "https://a.example/2.jpeg?s=1"


@pytest.mark.parametrize("body", [{"accountDoesNotExist": True}, {"success": True, "error": "not_found", "user": {}}])
def test_a_body_that_says_so_is_an_unknown_account(read_profile: Read, body: Json) -> None:
    """Seen in a 200."""
    with pytest.raises(NotFoundError):
        read_profile(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"success": True},
        {"success": True, "user": None, "stats": {}},
        {"success": True, "user": {}},
        {"success": True, "user": {"id": 7300000000000000101, "uniqueId": "mira"}},
        {"success": True, "user": {"id": "7300000000000000101"}},
        {"success": False, "user": {"id": "7300000000000000101", "uniqueId": "mira"}},
        {"accountDoesNotExist": False},
        [],
        None,
    ],
)
def test_a_body_without_a_user_is_no_profile(body: object) -> None:
    """It does not say that there is no such account, and that would be remembered."""
    with pytest.raises(ShapeError):
        PROFILE.read(json.dumps(body).encode())


def test_a_profile_tells_no_country(user: Json, read_profile: Read) -> None:
    """`region` was removed in 2025; where an old answer has it, it is not believed."""
    user["user"]["region"] = "US"
    assert read_profile(user).country is None


@pytest.mark.parametrize(
    ("exact", "rounded", "hearts"),
    [
        ({"heart": "2300012345"}, {"heart": 2300000000, "heartCount": -1994967296}, 2300012345),
        (None, {"heart": 2300000000, "heartCount": -1994967296}, 2300000000),
        (None, {"heartCount": 8120}, None),
        ({"heart": "-5"}, {"heart": -5}, None),
    ],
)
def test_hearts_are_never_the_number_that_overflows(
    user: Json, read_profile: Read, exact: Json | None, rounded: Json, hearts: int | None
) -> None:
    """`heartCount` among the numbers is one of 32 bits, and may come out positive too."""
    user["statsV2"], user["stats"] = exact, rounded
    assert read_profile(user).native.get("heart_count") == hearts


def test_what_only_tiktok_has_is_kept_under_its_own_names(user: Json, read_profile: Read) -> None:
    """Few things, and none that is unknown."""
    user["user"] |= {"ttSeller": True, "commerceUserInfo": {"commerceUser": True, "category": "Art"}, "secUid": "MS4x"}
    told = read_profile(user)
    assert told.native == {"sec_uid": "MS4x", "heart_count": 2507018800, "tt_seller": True, "commerce_user": True}
    assert told.category == "Art"
    user["user"] |= {"ttSeller": None, "commerceUserInfo": "odd", "secUid": 5}
    del user["stats"], user["statsV2"]
    assert (read_profile(user).native, read_profile(user).category) == ({}, None)


@pytest.mark.parametrize(("sent", "year"), [(1600000000, 2020), ("1600000000", 2020), (0, None), (None, None)])
def test_the_age_of_an_account_is_known(user: Json, read_profile: Read, sent: object, year: int | None) -> None:
    """0 is unknown."""
    user["user"]["createTime"] = sent
    told = read_profile(user).created_at
    assert (told and told.year) == year
