"""An account never forgets what is known, and is never laid over another."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.domain.creator import Account, Content, Item

text = st.none() | st.text(max_size=3)
count = st.none() | st.integers(0, 3)
flag = st.none() | st.booleans()
accounts = st.builds(
    Account,
    platform_id=st.just("1"),
    handle=st.text(min_size=1, max_size=3),
    name=text,
    followers=count,
    following=count,
    posts=count,
    verified=flag,
    private=flag,
    bio=text,
    avatar_url=text,
    links=st.lists(st.text(max_size=2), max_size=2).map(tuple),
    country=text,
    language=text,
    native=st.dictionaries(st.sampled_from("ab"), st.integers(0, 3), max_size=2),
)


def is_known(value: Any) -> bool:
    return value is not None and value not in ((), {})


@given(before=accounts, profile=accounts)
def test_unknown_never_overwrites_known_and_known_always_lays_over(before: Account, profile: Account) -> None:
    """0, "" and False are known."""
    merged = before.merged_with(profile)
    for name, value in profile:
        if name != "native":
            assert getattr(merged, name) == (value if is_known(value) else getattr(before, name))
    assert merged.native == {**before.native, **profile.native}, "key by key"


@given(before=accounts, profile=accounts)
def test_merging_again_changes_nothing(before: Account, profile: Account) -> None:
    merged = before.merged_with(profile)
    assert merged.merged_with(profile) == merged
    assert before.merged_with(before) == before


@given(before=accounts)
def test_a_profile_that_knows_nothing_changes_nothing_but_the_handle(before: Account) -> None:
    """Handles change; ids do not."""
    merged = before.merged_with(Account(platform_id="1", handle="renamed"))
    assert merged == before.model_copy(update={"handle": "renamed"})


@given(before=accounts, other=accounts)
def test_another_account_is_refused(before: Account, other: Account) -> None:
    with pytest.raises(AssertionError):
        before.merged_with(other.model_copy(update={"platform_id": "2"}))


def test_unknown_is_none_from_the_start() -> None:
    account = Account(platform_id="1", handle="h")
    assert account.model_dump(exclude={"platform_id", "handle"}, exclude_defaults=True) == {}
    rest = [value for name, value in account if name not in ("platform_id", "handle")]
    assert all(value in (None, (), {}) for value in rest)
    content = Content(platform_id="v").model_dump(exclude={"platform_id", "statistics"})
    assert all(value in (None, ()) for value in content.values())
    assert set(dict(Content(platform_id="v").statistics).values()) == {None}


@given(account=accounts)
def test_an_account_survives_its_way_through_json(account: Account) -> None:
    assert Account.model_validate_json(account.model_dump_json()) == account


def test_what_is_not_named_is_an_error_that_shows_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Account.model_validate({"platform_id": "1", "handle": "h", "email": "ada@mail.example"})
    assert "ada@mail.example" not in str(caught.value)
    with pytest.raises(ValidationError):
        Account(platform_id="1", handle="h").handle = "other"  # pyright: ignore
    with pytest.raises(ValidationError):
        Item.model_validate({"account": {"platform_id": "1", "handle": "h"}})
