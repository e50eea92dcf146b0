"""Instagram: its searches and its profile endpoint."""

from typing import Final

from common.domain.filter import FilterName
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.platform import TARGET_KIND, Platform
from instagram.profile import PROFILE
from instagram.search import HASHTAG, KEYWORD, REELS
from instagram.target import RELATED, TARGET, branch

# What stands in the place of a name in addresses of other things.
_NO_NAME: Final = r"(?!(?:p|tv|reel|reels|explore|stories|s|accounts|direct|about|legal|developer|web|api)(?:/|$))"

HANDLES: Final = HandleRule(
    hosts=("instagram.com",),
    paths=(
        rf"/{_NO_NAME}([^/]+)",
        rf"/{_NO_NAME}([^/]+)/(?:reels|tagged|channel|guides|live|followers|following)",
        rf"/{_NO_NAME}([^/]+)/(?:p|reel|tv)/[^/]+",
    ),
    pattern=r"(?!\.)(?!.*\.\.)[a-z0-9_.]{1,30}(?<!\.)",
    is_lower=True,
    example="mira.ovens",
)

INSTAGRAM: Final = Platform(
    name=PlatformName.INSTAGRAM,
    label="Instagram",
    handles=HANDLES,
    modes=frozenset({Mode.KEYWORD, Mode.SIMILAR}),
    searches={
        "keyword": KEYWORD,
        "hashtag": HASHTAG,
        "reels": REELS,
        TARGET_KIND: TARGET,
        "related": RELATED,
    },
    profile=PROFILE,
    filters=frozenset(FilterName) - {FilterName.LANGUAGES, FilterName.COUNTRIES},
    branch=branch,
)
