"""YouTube: known by name, not searched yet."""

from typing import Final

from common.domain.job import PlatformName
from common.platform import Platform

YOUTUBE: Final = Platform(name=PlatformName.YOUTUBE, label="YouTube")
