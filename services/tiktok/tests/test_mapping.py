"""What a post tells, and what it only seems to tell."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.creator import Account, Item, Statistics
from common.platform import Unparsable

Json = dict[str, Any]
Read = Callable[[Json], Item]


def hashtags(item: Item) -> tuple[str, ...]:
    assert item.content is not None
    return item.content.hashtags


# --- who -----------------------------------------------------------------------------------------------------------


def test_a_person_is_told_by_the_string_id(post: Json, read_keyword: Read) -> None:
    """`author_user_id` was rounded on its way; `author.uid` is the exact id."""
    post["author_user_id"] = 7644867114855761000
    post["author"]["uid"] = "7644867114855760914"
    assert read_keyword(post).account.platform_id == "7644867114855760914"


@pytest.mark.parametrize("uid", [7644867114855761000, 7.6e18, None, "", " ", "0", [], {}, True, "1\x002", "1 2"])
def test_an_author_without_a_string_id_is_unparsable(post: Json, read_keyword: Read, uid: object) -> None:
    """A numeric id may be rounded into somebody else's."""
    post["author"]["uid"] = uid
    assert read_keyword(post) == Unparsable("author without a string id or a handle")


@pytest.mark.parametrize("handle", [None, "", 5, "a b", "a\nb", "@", "\ud83d", "x" * 129])
def test_an_author_without_a_handle_is_unparsable(post: Json, read_keyword: Read, handle: object) -> None:
    """Without a handle the profile cannot be asked for."""
    post["author"]["unique_id"] = handle
    assert read_keyword(post) == Unparsable("author without a string id or a handle")


def test_a_handle_loses_its_at_sign(post: Json, read_keyword: Read) -> None:
    """Handles are kept without @."""
    post["author"]["unique_id"] = "@mira.oventide"
    assert read_keyword(post).account.handle == "mira.oventide"


@pytest.mark.parametrize("author", [None, [], "mira", 5])
def test_a_post_without_an_author_is_unparsable(post: Json, read_keyword: Read, author: object) -> None:
    """There is nobody to keep."""
    post["author"] = author
    assert read_keyword(post) == Unparsable("post without an author")


@pytest.mark.parametrize("post", [None, [], "text", 5])
def test_something_that_is_no_post_is_unparsable(post: Any, read_keyword: Read) -> None:
    """An element of another kind costs itself only."""
    assert read_keyword(post) == Unparsable("not a post")


ODD = [None, [], {}, "odd", -1, 1.5, True, 2**70]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_optional_field_of_an_author_can_lose_the_creator(post: Json, read_keyword: Read, odd: object) -> None:
    """Only what identifies is required."""
    post["author"] = dict.fromkeys(post["author"], odd) | {"uid": "7300000000000000101", "unique_id": "mira"}
    assert read_keyword(post).account.handle == "mira"


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_optional_field_of_a_post_can_lose_the_creator(post: Json, read_keyword: Read, odd: object) -> None:
    """Nor does anything about the post matter to who posted it."""
    post = dict.fromkeys(post, odd) | {"author": post["author"]}
    assert read_keyword(post).account.handle == "mira.oventide"


def test_a_creator_is_kept_when_all_but_the_identity_is_missing(read_keyword: Read) -> None:
    """Absent is unknown, never 0, "" or False."""
    item = read_keyword({"author": {"uid": "7", "unique_id": "mira"}})
    assert item.item_id == "7"
    assert item.content is None
    assert item.account == Account(platform_id="7", handle="mira", url="https://www.tiktok.com/@mira")


@pytest.mark.parametrize("nickname", ["", "\x00", None, 5])
def test_an_empty_name_is_unknown(post: Json, read_keyword: Read, nickname: object) -> None:
    """TikTok has no account without a name."""
    post["author"]["nickname"] = nickname
    assert read_keyword(post).account.name is None


# --- counts, bio, badges -------------------------------------------------------------------------------------------


def test_zero_followers_from_the_hashtag_search_are_unknown(post: Json, read_hashtag: Read) -> None:
    """That search sends 0 for everybody."""
    post["author"] |= {"follower_count": 0, "following_count": 0}
    account = read_hashtag(post).account
    assert (account.followers, account.following) == (None, None)


def test_followers_from_the_hashtag_search_are_kept_if_it_ever_sends_some(post: Json, read_hashtag: Read) -> None:
    """Only 0 is unknown there."""
    post["author"]["follower_count"] = 12
    assert read_hashtag(post).account.followers == 12


def test_zero_followers_from_the_keyword_search_are_zero(post: Json, read_keyword: Read) -> None:
    """Counters of the keyword search are real."""
    post["author"]["follower_count"] = 0
    assert read_keyword(post).account.followers == 0


@pytest.mark.parametrize("odd", [-5, 1.5, "many", "٣", "9" * 5000, 2**53 + 2, None, [], True])
def test_an_impossible_count_is_unknown(post: Json, read_keyword: Read, odd: object) -> None:
    """Negative is an overflow, beyond 2^53 was rounded."""
    post["author"]["follower_count"] = odd
    post["statistics"]["play_count"] = odd
    item = read_keyword(post)
    assert item.account.followers is None
    assert item.content is not None
    assert item.content.statistics.views is None


@pytest.mark.parametrize(("sent", "count"), [("48213", 48213), (48213.0, 48213), (2**53, 2**53)])
def test_a_count_may_be_a_string_or_a_whole_float(post: Json, read_keyword: Read, sent: object, count: int) -> None:
    """Types vary between endpoints."""
    post["author"]["follower_count"] = sent
    assert read_keyword(post).account.followers == count


def test_the_number_of_posts_is_unknown(post: Json, read_keyword: Read) -> None:
    """`aweme_count` is 0 for everybody in both searches."""
    post["author"] |= {"aweme_count": 0, "total_favorited": 0}
    assert read_keyword(post).account.posts is None


def test_an_absent_signature_is_an_unknown_bio(post: Json, read_keyword: Read) -> None:
    """The keyword search of 2026 does not send the key."""
    post["author"].pop("signature", None)
    assert read_keyword(post).account.bio is None


def test_an_empty_signature_from_a_search_is_an_unknown_bio(post: Json, read_keyword: Read, read_hashtag: Read) -> None:
    """The keyword search of 2025 and the hashtag search send "" for everybody."""
    post["author"]["signature"] = ""
    assert read_keyword(post).account.bio is None
    assert read_hashtag(post).account.bio is None


@pytest.mark.parametrize("reason", ["custom_verify", "enterprise_verify_reason"])
def test_a_badge_is_told_by_its_reason(post: Json, read_keyword: Read, reason: str) -> None:
    """Either reason will do."""
    post["author"] |= {"custom_verify": "", "enterprise_verify_reason": "", "verification_type": 0, reason: "Verified"}
    assert read_keyword(post).account.verified is True


def test_the_verification_type_is_no_badge(post: Json, read_keyword: Read) -> None:
    """It was 1 on plain accounts in 2025."""
    post["author"] |= {"custom_verify": "", "enterprise_verify_reason": "", "verification_type": 1}
    assert read_keyword(post).account.verified is False


def test_without_both_reasons_it_is_unknown_whether_there_is_a_badge(post: Json, read_keyword: Read) -> None:
    """The missing one could be the one that is given."""
    post["author"]["custom_verify"] = ""
    del post["author"]["enterprise_verify_reason"]
    assert read_keyword(post).account.verified is None


@pytest.mark.parametrize("flag", ["secret", "is_private_account"])
@pytest.mark.parametrize(("value", "private"), [(1, True), (True, True), (0, None), (False, None), (None, None)])
def test_a_search_tells_that_an_account_is_private_but_never_that_it_is_not(
    post: Json, read_keyword: Read, flag: str, value: object, private: bool | None
) -> None:
    """Both flags are 0 also for an account whose profile says private."""
    post["author"] |= {"secret": 0, "is_private_account": 0, flag: value}
    assert read_keyword(post).account.private is private


@pytest.mark.parametrize(
    ("account", "upload", "country"),
    [("IE", "GB", "IE"), ("", "GB", "GB"), (None, "gb", "GB"), (5, "GB", "GB"), ("", "", None), (None, "EUR", None)],
)
def test_the_country_is_the_account_s_or_else_that_of_the_upload(
    post: Json, read_keyword: Read, account: object, upload: object, country: str | None
) -> None:
    """The keyword search does not tell the former."""
    post["region"], post["author"]["region"] = upload, account
    assert read_keyword(post).account.country == country


@pytest.mark.parametrize(
    ("sent", "language"),
    [("en", "en"), ("pt-BR", "pt-BR"), ("zh_Hant", "zh-Hant"), ("un", None), ("", None), ("english!", None), (5, None)],
)
def test_a_language_is_a_tag_and_un_is_unknown(
    post: Json, read_keyword: Read, sent: object, language: str | None
) -> None:
    """Of the post and of its author alike."""
    post["desc_language"] = post["author"]["language"] = sent
    item = read_keyword(post)
    assert item.content is not None
    assert (item.content.language, item.account.language) == (language, language)


def test_an_account_has_the_address_of_its_page(post: Json, read_keyword: Read) -> None:
    """Also with a sign that means something else in an address."""
    assert read_keyword(post).account.url == "https://www.tiktok.com/@mira.oventide"
    post["author"]["unique_id"] = "mira?a/b"
    assert read_keyword(post).account.url == "https://www.tiktok.com/@mira%3Fa%2Fb"


# --- the post ------------------------------------------------------------------------------------------------------


def test_likes_are_the_digg_count(post: Json, read_keyword: Read) -> None:
    """TikTok's old word."""
    post["statistics"] = {"digg_count": 1, "comment_count": 2, "share_count": 3, "play_count": 4, "collect_count": 5}
    content = read_keyword(post).content
    assert content is not None
    assert content.statistics == Statistics(likes=1, comments=2, shares=3, views=4, saves=5)


def test_a_missing_statistic_is_unknown(post: Json, read_keyword: Read) -> None:
    """Not 0."""
    del post["statistics"]["digg_count"]
    content = read_keyword(post).content
    assert content is not None
    assert content.statistics.likes is None
    assert content.statistics.views == 412880


def test_the_address_is_the_canonical_one(post: Json, read_keyword: Read) -> None:
    """The vendor adds it as `url`."""
    content = read_keyword(post).content
    assert content is not None
    assert content.url == "https://www.tiktok.com/@mira.oventide/video/7684000000000000201"


def test_a_share_url_loses_its_tracking(post: Json, read_keyword: Read) -> None:
    """It stands in where `url` is missing."""
    del post["url"]
    assert "u_code" in post["share_url"]
    content = read_keyword(post).content
    assert content is not None
    assert content.url == "https://www.tiktok.com/@mira.oventide/video/7684000000000000201"


def test_a_photo_post_is_a_post_with_its_own_address(sample: Callable[[str], Json], read_hashtag: Read) -> None:
    """`share_url` says /video/ even for photos, `url` does not."""
    photo = sample("hashtag")["aweme_list"][1]
    assert "image_post_info" in photo
    content = read_hashtag(photo).content
    assert content is not None
    assert content.url == "https://www.tiktok.com/@anoukdellimar.eats/photo/7684000000000000302"


def test_a_post_with_a_numeric_id_is_not_kept_but_its_creator_is(post: Json, read_keyword: Read) -> None:
    """The id was rounded; the person then stands for the item."""
    post["aweme_id"] = 7684000000000000201
    item = read_keyword(post)
    assert item.content is None
    assert item.item_id == "7300000000000000101"


AT = datetime(2026, 9, 15, 19, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("create_time", "create_time_utc", "instant"),
    [
        (1789500000, None, AT),
        ("1789500000", None, AT),
        (None, "2026-09-15T19:20:00.000Z", AT),
        (0, "2026-09-15T21:20:00+02:00", AT),
        ("soon", "2026-09-15T19:20:00", AT),
        ("2026-09-15T19:20:00.000Z", None, AT),
        (10**15, "2026-09-15T19:20:00Z", AT),
        (-1, "yesterday", None),
        (None, "0001-01-01T00:00:00+23:59", None),
        (0, None, None),
    ],
)
def test_the_time_is_unix_seconds_or_else_an_iso_time(
    post: Json, read_keyword: Read, create_time: object, create_time_utc: object, instant: datetime | None
) -> None:
    """Seconds may be a string; the trimmed hashtag search has the ISO time only."""
    post |= {"create_time": create_time, "create_time_utc": create_time_utc}
    content = read_keyword(post).content
    assert content is not None
    assert content.posted_at == instant


# --- text and hashtags ---------------------------------------------------------------------------------------------


def test_text_loses_what_cannot_be_stored(post: Json, read_keyword: Read) -> None:
    """NUL and half an emoji."""
    post["author"]["nickname"] = "Mi\x00ra \ud83c"
    post["desc"] = "bread \udf5e\x00 #bread"
    post["text_extra"] = post["cha_list"] = None
    item = read_keyword(post)
    assert item.account.name == "Mira "
    assert item.content is not None
    assert item.content.text == "bread  #bread"
    assert hashtags(item) == ("bread",)


def test_hashtags_are_the_links_of_the_description(post: Json, read_keyword: Read) -> None:
    """Type 1 is a hashtag, 0 a mention; each counts once whatever its case, as first written."""
    post["text_extra"] = [
        {"type": 1, "hashtag_name": "BreadTok"},
        {"type": 0, "hashtag_name": "mention"},
        {"type": 1, "hashtag_name": "breadtok"},
        {"type": 1, "hashtag_name": "#sourdough"},
        {"type": 1, "hashtag_name": ""},
        {"type": 1, "hashtag_name": None},
        None,
        "odd",
    ]
    assert hashtags(read_keyword(post)) == ("BreadTok", "sourdough")


def test_hashtags_come_from_the_hashtag_pages_if_no_link_is_one(post: Json, read_keyword: Read) -> None:
    """`text_extra` may be empty."""
    post["text_extra"] = []
    assert hashtags(read_keyword(post)) == ("sourdough", "breadtok")


def test_hashtags_come_from_the_text_if_there_is_nothing_else(post: Json, read_keyword: Read) -> None:
    """As with `trim`, where both lists are missing; `cha_list` may also be null."""
    del post["text_extra"]
    post["cha_list"] = None
    assert hashtags(read_keyword(post)) == ("sourdough", "breadtok", "easyrecipe")


def test_a_post_without_hashtags_has_none(post: Json, read_keyword: Read) -> None:
    """An empty description, an empty `text_extra` and no `cha_list`."""
    post |= {"desc": "", "text_extra": [], "cha_list": None}
    item = read_keyword(post)
    assert hashtags(item) == ()
    assert item.content is not None
    assert item.content.text == ""


# --- mentions ------------------------------------------------------------------------------------------------------


def mention(start: object, end: object) -> Json:
    return {"type": 0, "start": start, "end": end, "hashtag_name": "", "user_id": "7", "sec_uid": "MS4"}


def mentions(post: Json, read: Read, text: str, *marks: object) -> tuple[str, ...]:
    item = read(post | {"desc": text, "text_extra": list(marks)})
    assert item.content is not None
    return item.content.mentions


def test_a_mention_is_what_stands_at_its_mark(post: Json, read_keyword: Read) -> None:
    """Each once, without @ and folded; a hashtag's mark is none."""
    text = "with @Mira.Oventide and @tobin"
    hashtag = {"type": 1, "start": 0, "end": 4, "hashtag_name": "with"}
    marks = [mention(5, 19), hashtag, mention(24, 30), mention(5, 19), None, "odd"]
    assert mentions(post, read_keyword, text, *marks) == ("mira.oventide", "tobin")


def test_a_mark_may_count_an_emoji_as_two(post: Json, read_keyword: Read) -> None:
    """As UTF-16 does."""
    assert mentions(post, read_keyword, "💪 @tobin", mention(2, 8)) == ("tobin",)
    assert mentions(post, read_keyword, "💪 @tobin", mention(3, 9)) == ("tobin",)


@pytest.mark.parametrize(
    "place", [(0, 13), (0, 99), (5, 9), (9, 5), (-1, 4), (None, 4), ("a", "b"), (2**60, 2**61), (3, 3)]
)
def test_a_mark_at_something_else_mentions_nobody(post: Json, read_keyword: Read, place: tuple[object, object]) -> None:
    """A mention may be shown by a name: "@Tobin Skarle" is not the handle "tobin"."""
    assert mentions(post, read_keyword, "@Tobin Skarle", mention(*place)) == ()


def test_mentions_without_marks_come_from_the_text(post: Json, read_keyword: Read) -> None:
    """As with `trim`."""
    assert mentions(post, read_keyword, "w/ @tobin.s., mail a@b.example") == ("tobin.s",)
    del post["text_extra"]
    item = read_keyword(post | {"desc": "@tobin"})
    assert item.content is not None
    assert item.content.mentions == ("tobin",)


# --- the picture ---------------------------------------------------------------------------------------------------


def picture(*names: str) -> Json:
    return {"url_list": [f"https://p16.tiktokcdn.com/{name}?x-expires=1&x-signature=a.heic%3D" for name in names]}


def test_a_jpeg_is_kept_though_heic_comes_first(post: Json, read_keyword: Read) -> None:
    """Only Safari shows HEIC."""
    post["author"]["avatar_larger"] = picture("1080.heic", "1080.heic", "1080.jpeg")
    url = read_keyword(post).account.avatar_url
    assert url == "https://p16.tiktokcdn.com/1080.jpeg?x-expires=1&x-signature=a.heic%3D"


def test_a_smaller_size_stands_in_for_a_larger_one(post: Json, read_keyword: Read) -> None:
    """Largest first."""
    post["author"] |= {
        "avatar_larger": None,
        "avatar_medium": picture("720.heic"),
        "avatar_300x300": picture("300.jpg"),
    }
    url = read_keyword(post).account.avatar_url
    assert url is not None
    assert url.startswith("https://p16.tiktokcdn.com/300.jpg?")


def test_an_author_without_a_picture_has_none(post: Json, read_keyword: Read) -> None:
    """Whatever stands in place of it."""
    sizes = ("avatar_larger", "avatar_medium", "avatar_300x300", "avatar_168x168", "avatar_thumb")
    post["author"] |= dict(zip(sizes, [picture("1080.heic"), {"url_list": None}, {}, [], "odd"], strict=True))
    assert read_keyword(post).account.avatar_url is None
