"""TikTok: its searches and its profile endpoint."""

from typing import Final

from common.domain.filter import FilterName
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.platform import Platform
from tiktok.profile import PROFILE
from tiktok.search import HASHTAG, KEYWORD

HANDLES: Final = HandleRule(
    hosts=("tiktok.com",),
    paths=(r"/@([^/]+)",),
    pattern=r"[a-z0-9_.]{1,30}",
    is_lower=True,
    example="mira.ovens",
)

TIKTOK: Final = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    modes=frozenset({Mode.KEYWORD}),
    searches={"keyword": KEYWORD, "hashtag": HASHTAG},
    profile=PROFILE,
    filters=frozenset(FilterName),
    handles=HANDLES,
)
