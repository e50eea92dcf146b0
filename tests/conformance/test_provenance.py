"""Whatever a platform reads an address from says where that is: the page is always told, and the place on it."""

import importlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.contact import contact_of
from common.domain.creator import Account, Item
from common.domain.job import PlatformName
from common.errors import NotFoundError, ShapeError
from common.platform import Platform

pytestmark = pytest.mark.security

ROOT = Path(__file__).parents[2]
SEEN_AT = datetime(2026, 3, 1, tzinfo=UTC)


def platform_of(name: PlatformName) -> Platform:
    return getattr(importlib.import_module(f"{name}.table"), name.upper())


def kept_accounts(name: PlatformName) -> Iterator[Account]:
    """All that the platform reads from the answers that its tests keep."""
    platform = platform_of(name)
    for path in sorted(ROOT.glob(f"services/{name}/tests/data/*.json")):
        body = path.read_bytes()
        for search in platform.searches.values():
            with suppress(ShapeError, NotFoundError):
                page = search.read(body)
                yield from (item.account for item in page.items if isinstance(item, Item))
                if page.target:
                    yield page.target
        if platform.profile:
            with suppress(ShapeError, NotFoundError):
                yield platform.profile.read(body)


def assert_provenance(account: Account, name: PlatformName) -> int:
    """How many addresses there are, each with its page, its places on it and the time."""
    contact = contact_of(account, platform=name, seen_at=SEEN_AT)
    for email in contact.emails or ():
        assert account.url, account.handle
        assert email.sources
        assert email.seen_at == SEEN_AT
    return len(contact.emails or ())


@pytest.mark.parametrize("name", PlatformName)
def test_every_account_tells_its_page(name: PlatformName, record_property: Any) -> None:
    """So every address that is stored has the page that it was seen on beside it."""
    accounts = list(kept_accounts(name))
    assert accounts
    assert [account.handle for account in accounts if not (account.url or "").startswith("https://")] == []
    written = [one.model_copy(update={"bio": f"{one.bio or ''} write@example.com"}) for one in accounts]
    addresses = sum(assert_provenance(account, name) for account in written)
    assert addresses >= len(accounts)
    record_property("told", f"{name}: {addresses} addresses on the pages of kept answers, each with page, place, time")


@given(
    st.builds(
        Account,
        platform_id=st.just("1"),
        handle=st.just("mira"),
        url=st.just("https://example.com/mira"),
        bio=st.none() | st.text() | st.just("write to a@example.com or b@example.org"),
        links=st.lists(st.sampled_from(["mailto:c@example.com", "https://d.example.com"])).map(tuple),
        emails=st.lists(st.sampled_from(["e@example.com", "A@example.com", "none"])).map(tuple),
    )
)
def test_no_address_is_without_its_place(account: Account) -> None:
    assert_provenance(account, PlatformName.TIKTOK)
