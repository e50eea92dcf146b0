"""The channel endpoint as the one that tells the rest of an account: one call per distinct channel."""

from typing import Final

from common.domain.creator import Account
from common.domain.filter import FilterName
from common.platform import Params, ProfileKind
from youtube.channel import PATH, read_channel


def ask_profile(account: Account, cache_max_age: str | None) -> Params:
    """By id: an id sent as a handle is "not found", and costs a credit."""
    asked = {"channelId": account.platform_id, "cache_max_age": cache_max_age}
    return {name: value for name, value in asked.items() if value}


def is_profile_needed(account: Account) -> bool:
    """No search tells a bio, and only the channels of a search their subscribers."""
    return account.bio is None or account.followers is None


PROFILE: Final = ProfileKind(
    path=PATH,
    ask=ask_profile,
    read=read_channel,
    is_needed=is_profile_needed,
    tells=frozenset(
        {
            FilterName.FOLLOWERS_MIN,
            FilterName.FOLLOWERS_MAX,
            FilterName.HAS_EMAIL,
            FilterName.VERIFIED,
            FilterName.COUNTRIES,
        }
    ),
)
