"""YouTube: its searches and its channel endpoint."""

from typing import Final

from common.domain.filter import FilterName
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.platform import TARGET_KIND, Platform
from youtube.profile import PROFILE
from youtube.search import HASHTAG, KEYWORD
from youtube.target import TARGET, TARGET_VIDEOS

# Letters of any script. Vowel signs and tone marks of South and South-East Asia are no word characters to `re`.
_NAME: Final = r"[\w\u0900-\u109f\u1780-\u17ff.\u00b7-]{1,100}"
_TAB: Final = r"(?:/[a-z]+)?"

HANDLES: Final = HandleRule(
    hosts=("youtube.com",),
    paths=(
        rf"/@([^/]+){_TAB}",
        rf"/channel/((?-i:UC)[0-9a-z_-]{{22}}){_TAB}",
        rf"/(c/[^/]+){_TAB}",
        rf"/(user/[^/]+){_TAB}",
    ),
    pattern=rf"(?:(?:c|user)/)?{_NAME}",
    is_lower=False,
    example="@mira.ovens",
)

YOUTUBE: Final = Platform(
    name=PlatformName.YOUTUBE,
    label="YouTube",
    modes=frozenset({Mode.KEYWORD, Mode.SIMILAR}),
    searches={"keyword": KEYWORD, "hashtag": HASHTAG, TARGET_KIND: TARGET, "target_videos": TARGET_VIDEOS},
    profile=PROFILE,
    filters=frozenset(FilterName) - {FilterName.LANGUAGES},
    handles=HANDLES,
)
