"""The person behind an item, as far as the upstream told us. Unknown is None, never 0, "" or False."""

from datetime import datetime

from common.domain.model import Model


class Account(Model):
    """What any endpoint says of an account.

    `platform_id` is the platform's stable id, always a string (numbers of 64 bits arrive rounded).
    `bio` None means "this endpoint does not tell"; "" means "the account has no bio".
    """

    platform_id: str
    handle: str
    name: str | None = None
    followers: int | None = None
    following: int | None = None
    posts: int | None = None
    verified: bool | None = None
    private: bool | None = None
    bio: str | None = None
    avatar_url: str | None = None
    links: tuple[str, ...] = ()
    region: str | None = None
    language: str | None = None

    def merged_with(self, profile: "Account") -> "Account":
        """This account with everything that `profile` knows laid over it; what it does not know stays.

        Both are the same account: handles are handed on to other people, ids are not.
        """
        assert profile.platform_id == self.platform_id
        known = {name: value for name, value in profile if value is not None and value != ()}
        return self.model_copy(update=known)


class Video(Model):
    """The post through which a creator was found. Counts are exact or None."""

    platform_id: str
    description: str | None = None
    url: str | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    views: int | None = None
    posted_at: datetime | None = None


class Item(Model):
    """One thing on a page that could be read. `item_id` identifies it within its search."""

    item_id: str
    account: Account
    video: Video | None = None
    hashtags: tuple[str, ...] = ()
