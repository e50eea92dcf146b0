"""Invented people, 30 on a page, as TikTok's keyword search shows them without a bio, and as their profiles do."""

import json
from typing import Final

from common.domain.creator import Account

PAGE_SIZE: Final = 30
_FIRST_PERSON: Final = 6_800_000_000_000_000_000
_FIRST_POST: Final = 7_300_000_000_000_000_000


def page_body(page: int, pages: int) -> bytes:
    """The answer for this page, from 0, of so many. Its items have only what we read: about 1 KB each."""
    first = page * PAGE_SIZE
    answer = {
        "success": True,
        "status_code": 0,
        "has_more": int(page + 1 < pages),
        "cursor": first + PAGE_SIZE,
        "search_item_list": [{"aweme_info": _post(number)} for number in range(first, first + PAGE_SIZE)],
    }
    return json.dumps(answer).encode()


def profile(number: int) -> Account:
    """What the profile endpoint told of this person."""
    handle = _handle(number)
    return Account(
        platform_id=str(_FIRST_PERSON + number),
        handle=handle,
        name=f"Kitchen {number}",
        url=f"https://www.tiktok.com/@{handle}",
        followers=1000 + number,
        following=100 + number % 900,
        posts=50 + number % 400,
        verified=number % 20 == 0,
        private=False,
        bio=f"Cooking from a very small kitchen\ncollabs: hello{number}@kitchen-{number}.example",
        links=(f"https://kitchen-{number}.example/shop",),
        language="en",
        native={"sec_uid": f"MS4wLjABAAAA{number:048d}", "heart_count": number * 100},
    )


def _handle(number: int) -> str:
    return f"kitchen.{number}"


def _post(number: int) -> dict[str, object]:
    return {
        "aweme_id": str(_FIRST_POST + number),
        "desc": f"Ten minute dinner number {number}, all from one pan #vegan #easyrecipes #dinner",
        "desc_language": "en",
        "create_time": 1_760_000_000 + number,
        "url": f"https://www.tiktok.com/@{_handle(number)}/video/{_FIRST_POST + number}",
        "author": {
            "uid": str(_FIRST_PERSON + number),
            "unique_id": _handle(number),
            "nickname": f"Kitchen {number}",
            "follower_count": 1000 + number,
            "following_count": 100 + number % 900,
            "region": "GB",
            "sec_uid": f"MS4wLjABAAAA{number:048d}",
            "avatar_larger": {"url_list": [f"https://p16.example-cdn.com/avatar/{number:032x}~720:720.jpeg"]},
        },
        "statistics": {
            "play_count": 100_000 + number,
            "digg_count": 5000 + number,
            "comment_count": 90 + number % 50,
            "share_count": 40 + number % 30,
            "collect_count": 70 + number % 60,
        },
        "text_extra": [{"type": 1, "hashtag_name": name} for name in ("vegan", "easyrecipes", "dinner")],
    }
