"""What people write under their videos, with the hashtags that the upstream marks in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from local.sandbox.draw import Draw
from local.sandbox.interest import Interest

OPENINGS = (
    "3 ingredients, no knead, zero stress 🍞",
    "be honest…",
    "save this for later",
    "wait for the end 👀",
    "day 12 of trying",
    "my whole routine in 30 seconds",
    "£4 find → best of the year?",
    "nobody talks about this",
    "replying to everyone at once 💬",
    "part 2 is up",
)
GENERAL_TAGS = ("fyp", "foryou", "smallcreator", "routine", "learnontiktok", "makersofinstagram", "easyrecipe", "ad")
EMPTY_PERCENT = 7
UNTAGGED_PERCENT = 12


@dataclass(frozen=True, slots=True)
class Mention:
    """Whom a caption mentions."""

    handle: str
    uid: str
    sec_uid: str


@dataclass(frozen=True, slots=True)
class Caption:
    text: str
    language: str
    tags: Sequence[str]
    marks: list[dict[str, object]]  # `text_extra`: where each hashtag and each mention stands


def write(chance: Draw, topic: str, language: str, own_tags: Sequence[str] = ()) -> Caption:
    """A caption about the topic, or about anything if there is none; some are empty, some have no hashtag.

    One of `own_tags`, which its author uses elsewhere too, stands among the hashtags.
    """
    if chance.chance(EMPTY_PERCENT):
        return Caption("", "un", (), [])
    opening = chance.pick(OPENINGS)
    if topic:
        opening = f"{opening} {topic}"
    if chance.chance(UNTAGGED_PERCENT):
        return Caption(opening, language, (), [])
    own = re.sub(r"\W", "", topic.lower())
    further = [chance.pick(GENERAL_TAGS), chance.pick(own_tags or GENERAL_TAGS)]
    return _tagged(opening, language, [own, *further] if own else further)


def write_own(chance: Draw, interest: Interest, language: str, mentioned: Mention | None) -> Caption:
    """A caption as its author writes it without being searched for: about an interest, with that interest's tags."""
    opening = f"{chance.pick(OPENINGS)} {chance.pick(interest.words)}"
    marks = list[dict[str, object]]()
    if mentioned is not None:
        opening = f"{opening} with @{mentioned.handle}"
        marks.append(_mention_mark(mentioned, len(opening)))
    if chance.chance(UNTAGGED_PERCENT):
        return Caption(opening, language, (), marks)
    caption = _tagged(opening, language, [*interest.hashtags[: 1 + chance.below(3)], chance.pick(GENERAL_TAGS)])
    return Caption(caption.text, language, caption.tags, [*marks, *caption.marks])


def _tagged(text: str, language: str, tags: Sequence[str]) -> Caption:
    unique, marks = list(dict.fromkeys(tags)), list[dict[str, object]]()
    for index, tag in enumerate(unique):
        text = f"{text} #{tag}"
        marks.append(_mark(tag, index, len(text)))
    return Caption(text, language, unique, marks)


def _identity(tag: str) -> str:
    return str(Draw("tag", tag).below(10**12))


def _mark(tag: str, index: int, end: int) -> dict[str, object]:
    return {
        "end": end,
        "hashtag_id": _identity(tag),
        "hashtag_name": tag,
        "is_commerce": False,
        "sec_uid": "",
        "start": end - len(tag) - 1,
        "tag_id": str(index),
        "type": 1,
        "user_id": "",
    }


def _mention_mark(mentioned: Mention, end: int) -> dict[str, object]:
    return {
        "end": end,
        "hashtag_id": "",
        "hashtag_name": "",
        "is_commerce": False,
        "sec_uid": mentioned.sec_uid,
        "start": end - len(mentioned.handle) - 1,
        "tag_id": "0",
        "type": 0,
        "user_id": mentioned.uid,
    }


def challenge(tag: str) -> dict[str, object]:
    """An element of `cha_list`."""
    identity = _identity(tag)
    return {
        "author": {"account_labels": None, "ad_cover_url": None},
        "banner_list": None,
        "cha_attrs": None,
        "cha_name": tag,
        "cid": identity,
        "collect_stat": 0,
        "connect_music": [],
        "desc": "",
        "extra_attr": {"is_live": False},
        "hashtag_profile": "",
        "is_challenge": 0,
        "is_commerce": False,
        "is_pgcshow": False,
        "schema": f"aweme://aweme/challenge/detail?cid={identity}",
        "search_highlight": None,
        "share_info": {
            "share_desc": f"Check out #{tag} on TikTok!",
            "share_url": f"https://www.tiktok.com/tag/{tag}?_r=1&name={tag}&source=h5_m",
        },
        "show_items": None,
        "sub_type": 0,
        "type": 1,
        "use_count": 0,
        "user_count": 0,
        "view_count": 0,
    }
