"""Whatever a stranger writes into a biography: what is found in it is valid, and what stands before it is found too."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from email_validator import validate_email
from hypothesis import strategies as st

from common.domain.address import find_emails, find_links
from common.domain.contact import COUNT_MAX, contact_of
from common.domain.creator import Account
from common.domain.job import PlatformName
from common.domain.social import find_accounts
from common.domain.text import clean_text

from .fuzzing import hunt

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = json.loads((ROOT / "libs/common/tests/data/bios.json").read_text())
BIOS = [str(each["bio"] if isinstance(each, dict) else each[0]) for listed in KNOWN.values() for each in listed]

PIECES = st.sampled_from(
    [
        *"@.-_+':/()[]{}<>|,;!?#&=%~*\\\"｡＠．…い①éßаİı📧\u200b\u200d\u2060\u202e\u00ad\u0301\ufeff\u3000\ud800\udc00\0\x1b\r\n\t",
        *(
            "(at)",
            "[dot]",
            " at ",
            " AT ",
            " dot ",
            "{at}",
            "<at>",
            " arroba ",
            " punto ",
            " ät ",
            "mailto:",
            "%40",
            "&#64;",
        ),
        *(
            "com",
            "COM",
            "co.uk",
            "de",
            "png",
            "jpg",
            "2x",
            "me",
            "xn--p1ai",
            "xn--",
            "рф",
            "公司",
            "museum",
            "zip",
            "local",
        ),
        *("jane", "jane.doe", "booking", "collab:", "info", "gmail", "studio-parn.com", "jane@parn.ee", "@jane.doe"),
        *(
            "https://",
            "http://user:pw@",
            "linktr.ee/",
            "www.",
            "instagram.com/",
            "[::1]",
            "127.0.0.1",
            "a" * 70,
            "." * 9,
        ),
    ]
)
DRAWN = st.one_of(
    st.lists(PIECES, max_size=60).map("".join),
    st.lists(st.one_of(PIECES, st.characters(), st.sampled_from(BIOS)), max_size=20).map("".join),
    st.text(st.characters(categories=["Cs", "Cf", "Cc", "Mn", "Me", "So", "No", "Lo", "Po", "Zs"]), max_size=120),
    st.builds(lambda piece, times: piece * times, PIECES, st.integers(1, 2000)),
    st.builds(
        lambda bio, at, piece: bio[: at % (len(bio) + 1)] + piece + bio[at % (len(bio) + 1) :],
        st.sampled_from(BIOS),
        st.integers(0, 500),
        PIECES,
    ),
)
PLANTED = "planted.address@studio-parn.com"


def check(bio: str) -> None:
    found = find_emails(bio)
    assert len(set(found)) == len(found)
    for address in found:
        assert re.fullmatch(r"[^\s@\x00-\x1f\"<>()]+@[^\s@\x00-\x1f\"<>()]+", address)
        assert validate_email(address, check_deliverability=False).normalized == address
    for link in find_links(bio):
        assert link.startswith(("http://", "https://"))
        assert link.isprintable()
    assert PLANTED in find_emails(f"{PLANTED}\n\n{bio}")
    cleaned = clean_text(bio) or ""  # as every reader of the upstream does
    account = Account(platform_id="1", handle="jane", bio=cleaned, links=(cleaned[:200],), emails=(cleaned[:100],))
    contact = contact_of(account, platform=PlatformName.TIKTOK, seen_at=NOW)
    assert len(contact.emails or ()) <= COUNT_MAX
    if len(contact.emails or ()) < COUNT_MAX:
        assert set(find_emails(cleaned)) <= {email.address for email in contact.emails or ()}
    find_accounts(bio, ())


def test_any_biography_gives_valid_addresses(record_property: Callable[[str, object], None]) -> None:
    record_property("told", hunt(check, DRAWN, target="biographies"))
