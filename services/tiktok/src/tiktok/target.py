"""The account that a job in similar mode was given, by its profile, and where that leads.

To its posts, to whom it follows and, if these were not enough, to people of a name like its own.
"""

import re
from collections.abc import Sequence
from typing import Final

from common.platform import Page, Params, PlannedSearch, SearchInput, SearchKind, Trail
from tiktok.page import asked
from tiktok.profile import PROFILE, read_profile

NAME_WORD_LENGTH_MIN: Final = 3

_WORD = re.compile(r"[^\W_]+")
_GIVEN_NAME = re.compile(r"user ?[0-9]+")


def ask_target(search: SearchInput, cursor: str | None) -> Params:
    """There is one page only."""
    del cursor
    return asked(handle=search.query.removeprefix("@"), cache_max_age=search.cache_max_age)


def read_target(body: bytes) -> Page:
    """A page that is the target alone. Raises as the profile's reading does."""
    return Page(items=(), cursor=None, target=read_profile(body))


def leads_of_target(trail: Trail) -> Sequence[PlannedSearch]:
    """Nothing if there is no target, or if its posts and whom it follows are hidden."""
    target = trail.page.target if trail.page else None
    if target is None or target.private:
        return ()
    name = telling_name(target.name)
    return (
        PlannedSearch(kind="target_videos", query=target.handle),
        PlannedSearch(kind="following", query=target.handle, wave=1),
        *([PlannedSearch(kind="users", query=name, wave=2)] if name else ()),
    )


def telling_name(name: str | None) -> str | None:
    """The words of a name without emoji and signs; None if none is long enough or TikTok gave the name ("user123")."""
    words = _WORD.findall(name or "")
    shown = " ".join(words)
    is_telling = any(len(word) >= NAME_WORD_LENGTH_MIN and not word.isdigit() for word in words)
    return shown if is_telling and not _GIVEN_NAME.fullmatch(shown.lower()) else None


TARGET: Final = SearchKind(path=PROFILE.path, ask=ask_target, read=read_target, leads=leads_of_target)
