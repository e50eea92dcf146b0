"""How much of its owner's quota a job asks for."""

from hypothesis import given
from hypothesis import strategies as st

from common.engine.quota import SPARE_CREDITS, STEP_MIN, estimate, next_grant

counts = st.integers(0, 1_000_000)


def test_a_creator_costs_a_profile_and_a_tenth_of_a_page_and_some_credits_are_to_spare() -> None:
    assert [estimate(places=places, credits_left=5000) for places in (0, 1, 9, 10, 100, 1000)] == [
        10,
        11,
        19,
        21,
        120,
        1110,
    ]


@given(places=counts, credits_left=counts)
def test_an_estimate_is_never_more_than_the_job_may_still_spend(places: int, credits_left: int) -> None:
    amount = estimate(places=places, credits_left=credits_left)
    assert 0 <= amount <= credits_left
    assert amount == credits_left or amount >= places + SPARE_CREDITS


@given(places=counts, credits_left=counts)
def test_more_places_never_cost_less(places: int, credits_left: int) -> None:
    assert estimate(places=places, credits_left=credits_left) <= estimate(places=places + 1, credits_left=credits_left)


def test_a_grant_grows_by_a_quarter_and_small_ones_by_twenty() -> None:
    assert [next_grant(granted=granted, credits_max=5000) for granted in (0, 11, 80, 84, 400, 4000)] == [
        20,
        20,
        20,
        21,
        100,
        1000,
    ]


def test_a_grant_grows_up_to_the_jobs_own_limit_and_no_further() -> None:
    assert [next_grant(granted=granted, credits_max=100) for granted in (75, 85, 99, 100, 120)] == [20, 15, 1, 0, 0]


@given(granted=counts, credits_max=counts)
def test_a_grant_never_passes_the_limit_and_is_nothing_only_there(granted: int, credits_max: int) -> None:
    """Else a job would stop though it may spend."""
    more = next_grant(granted=granted, credits_max=credits_max)
    assert more >= 0
    assert granted + more <= max(granted, credits_max)
    assert (more == 0) == (granted >= credits_max)
    assert more in (0, credits_max - granted) or more >= STEP_MIN


@given(first=st.integers(1, 2000), credits_max=st.integers(1, 1_000_000))
def test_the_limit_is_reached_in_few_grants(first: int, credits_max: int) -> None:
    """Each locks the owner's row: they are as rare as the job is large."""
    granted, asked = min(first, credits_max), 0
    while granted < credits_max:
        granted += next_grant(granted=granted, credits_max=credits_max)
        asked += 1
    assert granted == credits_max
    assert asked <= 60
