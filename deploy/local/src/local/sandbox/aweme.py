"""The video object of searches ("aweme"): the sample's text with marks where videos differ.

Rule: every key of the sample stays, with its type; only values change.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from local.sandbox.answer import compact, load
from local.sandbox.bulk import photos, videos
from local.sandbox.caption import Caption, Mention, challenge, write, write_own
from local.sandbox.draw import Draw
from local.sandbox.interest import interests
from local.sandbox.person import Person
from local.sandbox.splice import Part, Template
from local.sandbox.tiktok_person import told_bio
from local.sandbox.world import Slot, World

NEWEST_AT = 1_789_700_000  # the world's last instant, so that times do not depend on the day of the run
AGE_S = 2 * 365 * 86_400
AGE_S_BY_DATE = {
    "date_posted=yesterday": 86_400,
    "date_posted=this-week": 7 * 86_400,
    "date_posted=this-month": 30 * 86_400,
    "date_posted=last-3-months": 91 * 86_400,
    "date_posted=last-6-months": 182 * 86_400,
}
VIDEO_VARIANTS = 48
PHOTO_VARIANTS = 8
PHOTO_PERCENT = 6
STRONGER_PERCENT = 70  # of a person's own videos are about the stronger interest
AVATAR_SIZES = {"168x168": 168, "300x300": 300, "larger": 1080, "medium": 720, "thumb": 100}
AVATAR_URL = (
    "https://{host}-common-sign.tiktokcdn-us.com/tos-useast5-avt-0068-tx/{hash}~tplv-tiktokx-cropcenter:{size}:{size}"
    ".{form}?dr=9640&refresh_token={token}&x-expires=1789797600&x-signature=DEMO%3D&t=4d5b0474&ps=13740610"
    "&shp=d05b14bd&shcp=34ff8df6&idc=useast8"
)
TRIM_KEYS = (
    "aweme_id", "desc", "desc_language", "region", "statistics", "video", "author", "create_time", "is_ad",
    "is_eligible_for_commission", "is_paid_partnership", "create_time_utc", "url", "shop_product_url",
)  # fmt: skip
TRIM_ABSENT_IN_HASHTAG = ("create_time", "is_ad")
MARKED = (
    "author_user_id", "create_time", "create_time_utc", "desc", "desc_language", "region", "text_extra", "cha_list",
    "video", "statistics", "is_ad", "is_paid_partnership",
)  # fmt: skip
MARKED_IN_OWN_AUTHOR = ("aweme_count", "total_favorited", "signature")
MARKED_IN_AUTHOR = ("follower_count", "following_count", "custom_verify", "verification_type")


class Source(Enum):
    """Which endpoint lists a video; each tells other things of the author."""

    KEYWORD = "keyword"
    HASHTAG = "hashtag"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Style:
    """Which endpoint's shape an item has."""

    source: Source
    is_trim: bool


@dataclass(frozen=True, slots=True)
class Post:
    """A video among its author's own."""

    number: int
    created_at: int
    is_pinned: bool


class Shelf:
    """Renders items: templates and heavy parts are prepared once."""

    def __init__(self, world: World) -> None:
        self._world = world
        keyword = load("tiktok_search_keyword")["search_item_list"][0]["aweme_info"]
        clip, photo = load("tiktok_search_hashtag")["aweme_list"]
        image = photo["image_post_info"]
        own = load("tiktok_profile_videos")["aweme_list"][0]
        self._templates: dict[tuple[Style, bool], Template] = {}
        for source, sample in ((Source.KEYWORD, keyword), (Source.HASHTAG, clip), (Source.OWN, own)):
            for is_trim in (False, True):
                style = Style(source, is_trim)
                self._templates[style, False] = _template(sample, style, None)
                self._templates[style, True] = _template(sample, style, image)
        self._videos = videos(keyword["video"], world.seed, VIDEO_VARIANTS)
        self._photos = photos(keyword["video"], world.seed, PHOTO_VARIANTS)

    def item(self, key: str, slot: Slot, topic: str, style: Style) -> list[Part]:
        """The text of one item; the same listing and slot give the same item."""
        seed = self._world.seed
        chance = Draw(seed, "item", key, slot.video)
        author = self._world.person(slot.author)
        is_photo = chance.chance(PHOTO_PERCENT)
        caption = write(chance, topic, author.language, interests(seed, author.number)[0].hashtags)
        age = next((AGE_S_BY_DATE[word] for word in key.split() if word in AGE_S_BY_DATE), AGE_S)
        fields = _video_fields(chance, NEWEST_AT - chance.below(age), caption)
        return self._render(chance, author, fields, (style, is_photo))

    def own_item(self, author: Person, post: Post, mentioned: Mention | None, *, is_trim: bool) -> list[Part]:
        """The text of one of a person's own videos, about what the person cares about."""
        seed = self._world.seed
        chance = Draw(seed, "own", author.number, post.number)
        is_photo = chance.chance(PHOTO_PERCENT)
        stronger, weaker = interests(seed, author.number)
        interest = stronger if chance.chance(STRONGER_PERCENT) else weaker
        fields = _video_fields(chance, post.created_at, write_own(chance, interest, author.language, mentioned))
        fields["is_top"] = compact(int(post.is_pinned))
        fields["aweme_count"] = compact(author.video_count)
        fields["total_favorited"] = compact(author.heart_count)
        fields["signature"] = compact(told_bio(seed, author))
        return self._render(chance, author, fields, (Style(Source.OWN, is_trim), is_photo))

    def _render(self, chance: Draw, author: Person, fields: dict[str, Part], form: tuple[Style, bool]) -> list[Part]:
        style, is_photo = form
        fields |= _author_fields(author, is_hashtag=style.source is Source.HASHTAG)
        fields["video"] = chance.pick(self._photos if is_photo else self._videos)
        return self._templates[form].render(fields)


def rounded(number: int) -> int:
    """A 64-bit number as a JavaScript server prints it."""
    return int(Decimal(repr(float(number))))


def _template(sample: dict[str, Any], style: Style, image: dict[str, Any] | None) -> Template:
    marked = {**sample, **{name: f"##{name}##" for name in MARKED}}
    marked["author"] = _marked_author(sample["author"], style)
    for name in ("music", "added_sound_music_info"):
        marked[name] = {**sample[name], "id": "##music_id##"}
    if style.source is Source.OWN:
        marked["is_top"] = "##is_top##"
    if "search_desc" in sample:
        marked["search_desc"] = "##desc##"
    if image is not None:
        marked |= {"image_post_info": image, "content_type": "multi_photo", "aweme_type": 150}
        marked["url"] = sample["url"].replace("/video/", "/photo/")
    if style.is_trim:
        absent = TRIM_ABSENT_IN_HASHTAG if style.source is Source.HASHTAG else ()
        marked = {name: marked[name] for name in TRIM_KEYS if name not in absent}
    wrapped = {"aweme_info": marked} if style.source is Source.KEYWORD and not style.is_trim else marked
    return Template(_marked_text(json.dumps(wrapped, ensure_ascii=False, separators=(",", ":")), sample))


def _marked_author(author: dict[str, Any], style: Style) -> dict[str, Any]:
    names = (*MARKED_IN_AUTHOR, *(MARKED_IN_OWN_AUTHOR if style.source is Source.OWN else ()))
    marked = {**author, **{name: f"##{name}##" for name in names}}
    for name in ("region", "language"):
        if name in author:
            marked[name] = f"##author_{name}##"
    for name in AVATAR_SIZES:
        marked[f"avatar_{name}"] = {**author[f"avatar_{name}"], "url_list": f"##avatar_{name}##"}
    return marked


def _marked_text(text: str, sample: dict[str, Any]) -> str:
    author = sample["author"]
    names = (
        (author["sec_uid"], "sec_uid"),
        (author["avatar_uri"].rpartition("/")[2], "avatar_hash"),
        (author["nickname"], "nickname"),
        (author["unique_id"], "handle"),
        (author["uid"], "uid"),
        (sample["aweme_id"], "aweme_id"),
        (sample["music"]["id_str"], "music_id_str"),
    )
    for value, name in names:
        text = text.replace(value, f"@@{name}@@")
    return text


def _video_fields(chance: Draw, created_at: int, caption: Caption) -> dict[str, Part]:
    aweme_id = str(7_500_000_000_000_000_000 + chance.below(190_000_000_000_000_000))
    music_id = 7_400_000_000_000_000_000 + chance.below(190_000_000_000_000_000)
    created_utc = datetime.fromtimestamp(created_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    is_paid = chance.chance(4)
    return {
        "aweme_id": aweme_id.encode(),
        "music_id": compact(rounded(music_id)),
        "music_id_str": str(music_id).encode(),
        "create_time": compact(created_at),
        "create_time_utc": compact(created_utc),
        "desc": compact(caption.text),
        "desc_language": compact(caption.language),
        "text_extra": compact(caption.marks),
        "cha_list": compact([challenge(tag) for tag in caption.tags] or None),
        "statistics": compact(_statistics(chance, aweme_id, is_seen=bool(caption.text))),
        "is_ad": compact(is_paid and chance.chance(50)),
        "is_paid_partnership": compact(is_paid),
    }


def _statistics(chance: Draw, aweme_id: str, *, is_seen: bool) -> dict[str, object]:
    plays = int(10 ** (2.5 + 4 * chance.unit())) if is_seen else 0
    likes = plays * (2 + chance.below(14)) // 100
    return {
        "aweme_id": aweme_id,
        "collect_count": likes // 7,
        "comment_count": likes // 40,
        "digg_count": likes,
        "download_count": likes // 90,
        "forward_count": 0,
        "lose_comment_count": 0,
        "lose_count": 0,
        "play_count": plays,
        "repost_count": 0,
        "share_count": likes // 25,
        "whatsapp_share_count": likes // 140,
    }


def _author_fields(author: Person, *, is_hashtag: bool) -> dict[str, Part]:
    fields: dict[str, Part] = {
        "uid": author.uid.encode(),
        "sec_uid": author.sec_uid.encode(),
        "handle": author.handle.encode(),
        "nickname": author.nickname.encode(),
        "avatar_hash": author.avatar_hash.encode(),
        "author_user_id": compact(rounded(int(author.uid))),
        "region": compact(author.region),
        "author_region": compact(author.region),
        "author_language": compact(author.language),
        "follower_count": compact(0 if is_hashtag else author.follower_count),
        "following_count": compact(0 if is_hashtag else author.following_count),
        "custom_verify": compact("Verified account" if author.is_verified else ""),
        "verification_type": compact(int(author.is_verified)),
    }
    for name, size in AVATAR_SIZES.items():
        fields[f"avatar_{name}"] = compact(avatar_urls(author, size))
    return fields


def avatar_urls(author: Person, size: int) -> list[str]:
    """The addresses of one size; the last is a JPEG except for people who have none."""
    token, last = author.avatar_hash[8:16], author.avatar_hash[16:24]
    return [
        AVATAR_URL.format(
            host="p19" if place == 1 else "p16",
            hash=author.avatar_hash,
            size=size,
            form=form,
            token=last if form == "jpeg" else token,
        )
        for place, form in enumerate(author.avatar_form.value)
    ]
