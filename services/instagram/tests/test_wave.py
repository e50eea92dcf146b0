"""In which wave the reels of a keyword are looked at."""

import pytest

from common.domain.creator import Account, Target
from common.platform import Page, PlannedSearch, SearchInput, Trail
from instagram.table import INSTAGRAM

TARGET = Target(account=Account(platform_id="7", handle="mira"))


@pytest.mark.parametrize("page", [None, Page(items=(), cursor=None)])
@pytest.mark.parametrize(("target", "wave"), [(None, 1), (TARGET, 2)])
def test_reels_are_of_a_later_wave_than_the_profiles_of_their_words(
    page: Page | None, target: Target | None, wave: int
) -> None:
    """A target's keyword searches are of wave 1 themselves: in the same wave their reels would start beside them."""
    trail = Trail(search=SearchInput(query="rye bread"), page=page, target=target)
    expected = [PlannedSearch(kind="reels", query="rye bread", wave=wave)]
    assert list(INSTAGRAM.searches["keyword"].leads(trail)) == expected
