"""Instagram: known by name, not searched yet."""

from typing import Final

from common.domain.job import PlatformName
from common.platform import Platform

INSTAGRAM: Final = Platform(name=PlatformName.INSTAGRAM, label="Instagram")
