"""What TikTok takes for the name of an account, and where a creator like the target leads."""

import pytest

from common.domain.creator import Account
from common.domain.handle import HandleError, read_handle
from common.platform import PlannedSearch
from tiktok.table import TIKTOK


@pytest.mark.parametrize(
    "text",
    [
        "mira.oventide_1",
        "@mira.oventide_1",
        " @Mira.Oventide_1 ",
        "https://www.tiktok.com/@mira.oventide_1",
        "tiktok.com/@Mira.Oventide_1/",
        "m.tiktok.com/@mira.oventide_1?lang=en",
        "https://vm.tiktok.com/%40mira.oventide_1",
        "https://www.tiktok.com/@mira.oventide_1/video/7684000000000000201?is_from_webapp=1",
        "https://www.tiktok.com/@mira.oventide_1/photo/7684000000000000201",
        "https://www.tiktok.com/@mira.oventide_1/live",
    ],
)
def test_a_name_or_the_address_of_a_page_or_a_post_is_a_handle(text: str) -> None:
    """The address of a post names who made it."""
    assert read_handle(text, TIKTOK.handles) == "mira.oventide_1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "mira!",
        "mira.",
        "mïra",
        "m" * 31,
        "https://vm.tiktok.com/ZMabc123/",
        "https://www.tiktok.com/tag/sourdough",
        "https://www.tiktok.com/",
        "https://www.tiktok.com/@mira/playlist/x",
        "https://tiktok.com.example/@mira",
        "https://nottiktok.com/@mira",
        "ftp://tiktok.com/@mira",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """A short link could lead anywhere."""
    with pytest.raises(HandleError):
        read_handle(text, TIKTOK.handles)


def test_a_creator_like_the_target_leads_to_whom_it_follows() -> None:
    """After what the target itself leads to."""
    assert TIKTOK.branch is not None
    account = Account(platform_id="7", handle="mira")
    assert TIKTOK.branch(account) == PlannedSearch(kind="following", query="mira", wave=2)
