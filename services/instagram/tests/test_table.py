"""What Instagram takes for the name of an account, what it can filter by, and where a creator like the target leads."""

import pytest

from common.domain.creator import Account
from common.domain.filter import FilterName
from common.domain.handle import HandleError, read_handle
from common.platform import PlannedSearch
from instagram.table import INSTAGRAM


@pytest.mark.parametrize(
    "text",
    [
        "sol.brackenvale_1",
        "@sol.brackenvale_1",
        " @Sol.Brackenvale_1 ",
        "https://www.instagram.com/sol.brackenvale_1",
        "https://www.instagram.com/sol.brackenvale_1/?hl=en",
        "instagram.com/Sol.Brackenvale_1/",
        "m.instagram.com/sol.brackenvale_1?igsh=abc",
        "https://www.instagram.com/sol.brackenvale_1/reels/",
        "https://www.instagram.com/sol.brackenvale_1/tagged/",
        "https://www.instagram.com/sol.brackenvale_1/reel/DEMOxdt001/",
        "https://www.instagram.com/sol.brackenvale_1/p/DEMOxdt001/",
    ],
)
def test_a_name_or_the_address_of_a_page_is_a_handle(text: str) -> None:
    """The address of a post names an account if it begins with one."""
    assert read_handle(text, INSTAGRAM.handles) == "sol.brackenvale_1"


@pytest.mark.parametrize("text", ["https://www.instagram.com/page.one", "https://www.instagram.com/reels.daily/reels"])
def test_a_name_may_begin_like_another_page(text: str) -> None:
    """Only the whole word is taken."""
    assert read_handle(text, INSTAGRAM.handles) in ("page.one", "reels.daily")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "sol!",
        "sol-b",
        ".sol",
        "sol.",
        "so..l",
        "sól",
        "s" * 31,
        "https://www.instagram.com/",
        "https://www.instagram.com/p/DEMOxdt001/",
        "https://www.instagram.com/reel/DEMOxdt001/",
        "https://www.instagram.com/REELS/DEMOxdt001/",
        "https://www.instagram.com/reels/",
        "https://www.instagram.com/tv/DEMOxdt001/",
        "https://www.instagram.com/explore/",
        "https://www.instagram.com/explore/tags/rye/",
        "https://www.instagram.com/stories/sol/123/",
        "https://www.instagram.com/accounts/login/",
        "https://www.instagram.com/sol/saved/all-posts/",
        "https://instagram.com.example/sol",
        "https://notinstagram.com/sol",
        "ftp://instagram.com/sol",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """It would be bought as a page of nobody."""
    with pytest.raises(HandleError):
        read_handle(text, INSTAGRAM.handles)


def test_neither_languages_nor_countries_are_told() -> None:
    """So nobody may filter by them; when somebody posted is told by profiles."""
    assert frozenset(FilterName) - INSTAGRAM.filters == {FilterName.LANGUAGES, FilterName.COUNTRIES}
    assert INSTAGRAM.profile is not None
    assert FilterName.POSTED_WITHIN in INSTAGRAM.profile.tells


def test_a_creator_like_the_target_leads_to_those_beside_it() -> None:
    """At once: breadth-first."""
    assert INSTAGRAM.branch is not None
    account = Account(platform_id="7", handle="mira")
    assert INSTAGRAM.branch(account) == PlannedSearch(kind="related", query="mira", wave=0)
