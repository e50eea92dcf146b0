"""Instagram: known by name, not searched yet."""

from typing import Final

from common.domain.handle import HandleRule
from common.domain.job import PlatformName
from common.platform import Platform

HANDLES: Final = HandleRule(
    hosts=("instagram.com",),
    paths=(r"/([^/]+)",),
    pattern=r"[a-z0-9_.]{1,30}",
    is_lower=True,
    example="mira.ovens",
)

INSTAGRAM: Final = Platform(name=PlatformName.INSTAGRAM, label="Instagram", handles=HANDLES)
