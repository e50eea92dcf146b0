"""TikTok: its searches and its profile endpoint."""

from typing import Final

from common.domain.job import Mode, PlatformName
from common.platform import Platform
from tiktok.profile import PROFILE
from tiktok.search import HASHTAG, KEYWORD

TIKTOK: Final = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    modes=frozenset({Mode.KEYWORD}),
    searches={"keyword": KEYWORD, "hashtag": HASHTAG},
    profile=PROFILE,
)
