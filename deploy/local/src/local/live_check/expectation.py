"""What a live check asks for and what it relies on, as data.

Rule: whoever is asked for by name is the platform itself, never a person.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from common.domain.job import PlatformName

WORD: Final = "coffee"

# The platforms' own accounts.
HANDLES: Final = {
    PlatformName.TIKTOK: "tiktok",
    PlatformName.INSTAGRAM: "instagram",
    PlatformName.YOUTUBE: "youtube",
}

# By path: the fields without which jobs would deliver less, or buy more. What an endpoint does not tell is not here.
RELIED_ON: Final[Mapping[str, Sequence[str]]] = {
    "/v1/tiktok/search/keyword": ("cursor", "account.followers", "content.text", "content.hashtags"),
    "/v1/tiktok/search/hashtag": ("cursor", "content.text", "content.hashtags", "statistics.views"),
    "/v1/tiktok/profile": ("account.followers", "account.bio", "account.private"),
    "/v3/tiktok/profile/videos": ("content.text", "content.posted_at", "content.hashtags"),
    "/v1/tiktok/user/following": ("cursor", "account.followers", "account.bio"),
    "/v1/tiktok/search/users": ("cursor", "account.followers"),
    "/v1/instagram/search/profiles": ("cursor", "account.followers", "account.bio"),
    "/v1/instagram/search/hashtag": ("content.text",),
    "/v2/instagram/reels/search": ("content.text",),
    "/v1/instagram/profile": ("account.followers", "account.bio", "account.private"),
    "/v1/youtube/search": ("cursor", "account.name", "content.text", "content.posted_at"),
    "/v1/youtube/search/hashtag": ("cursor", "content.text"),
    "/v1/youtube/channel": ("account.followers", "account.bio"),
    "/v1/youtube/channel-videos": ("content.text", "statistics.views"),
}
