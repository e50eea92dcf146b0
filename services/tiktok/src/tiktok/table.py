"""TikTok: its searches and its profile endpoint."""

from typing import Final

from common.domain.creator import Account
from common.domain.filter import FilterName
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.platform import PlannedSearch, Platform
from tiktok.people import FOLLOWING, USERS
from tiktok.post import TARGET_VIDEOS, TARGET_VIDEOS_US
from tiktok.profile import PROFILE
from tiktok.search import HASHTAG, KEYWORD
from tiktok.target import TARGET

HANDLES: Final = HandleRule(
    hosts=("tiktok.com",),
    paths=(r"/@([^/]+)", r"/@([^/]+)/(?:video|photo)/[0-9]+", r"/@([^/]+)/live"),
    pattern=r"[a-z0-9_.]{0,29}[a-z0-9_]",
    is_lower=True,
    example="mira.ovens",
)


def branch(account: Account) -> PlannedSearch:
    """Whom a creator like the target follows: nothing else costs a credit for twenty people with their bios."""
    return PlannedSearch(kind="following", query=account.handle, wave=2)


TIKTOK: Final = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    handles=HANDLES,
    modes=frozenset({Mode.KEYWORD, Mode.SIMILAR}),
    searches={
        "keyword": KEYWORD,
        "hashtag": HASHTAG,
        "target": TARGET,
        "target_videos": TARGET_VIDEOS,
        "target_videos_us": TARGET_VIDEOS_US,
        "following": FOLLOWING,
        "users": USERS,
    },
    profile=PROFILE,
    filters=frozenset(FilterName),
    branch=branch,
)
