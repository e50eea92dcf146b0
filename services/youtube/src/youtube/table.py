"""YouTube: known by name, not searched yet."""

from typing import Final

from common.domain.handle import HandleRule
from common.domain.job import PlatformName
from common.platform import Platform

HANDLES: Final = HandleRule(
    hosts=("youtube.com",),
    paths=(r"/@([^/]+)", r"/channel/([^/]+)"),
    pattern=r"[\w.\u00b7-]{1,100}",
    is_lower=False,
    example="@mira.ovens",
)

YOUTUBE: Final = Platform(name=PlatformName.YOUTUBE, label="YouTube", handles=HANDLES)
