"""The columns of files are those of the API."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args, get_origin
from uuid import uuid4

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from common.domain.creator import Account, Contact, Creator, Email, EmailSource, Match
from common.domain.job import PlatformName
from gateway.export.entry import Entry
from gateway.export.table import Preset, Subject, table_of

# Lists of documents stand in one cell.
PROVENANCE = ("contact.emailSources", "contact.emailsSeenAt")
JOINED = ("contact.emails", "contact.accounts", "likeness.parts", "account.native")


def leaves(kind: Any, path: str = "") -> Iterator[str]:
    """The paths of a model's fields that hold no further model."""
    models = [kind] if isinstance(kind, type) and issubclass(kind, BaseModel) else []
    if get_origin(kind) is not None and get_origin(kind) is not dict:
        models = [inner for inner in get_args(kind) if isinstance(inner, type) and issubclass(inner, BaseModel)]
    if path in JOINED or not models:
        yield path
        return
    for model in models:
        for name, field in model.model_fields.items():
            yield from leaves(field.annotation, f"{path}.{to_camel(name)}".lstrip("."))


@pytest.mark.parametrize("subject", Subject)
def test_a_full_file_has_every_field_of_a_creator_once(subject: Subject) -> None:
    names = [column.name for column in table_of(Preset.FULL, subject).columns]
    facts = {
        Subject.JOB: ["platform", "seq", "foundAt", "enrichment", "jobIds"],
        Subject.CAMPAIGN: ["platform", "firstFoundAt", "lastFoundAt", "jobIds"],
    }[subject]
    assert sorted(names) == sorted([*leaves(Creator), *PROVENANCE, *facts])


SEEN_AT = datetime(2026, 3, 1, tzinfo=UTC)
ADDRESSES = (
    Email(address="a@example.com", sources=(EmailSource.BIO, EmailSource.BIO_LINK), seen_at=SEEN_AT),
    Email(address="b@example.com", sources=(EmailSource.EMAIL_FIELD,), seen_at=SEEN_AT),
)


@pytest.mark.security
@pytest.mark.parametrize("subject", Subject)
@pytest.mark.parametrize("preset", Preset)
def test_every_address_in_a_file_has_its_provenance(preset: Preset, subject: Subject) -> None:
    """The platform, the page and the place on it where it stood, when, and by which jobs."""
    account = Account(platform_id="1", handle="mira", url="https://www.tiktok.com/@mira")
    creator = Creator(
        account=account, contact=Contact(emails=ADDRESSES), content=None, matched=Match(kind="keyword", query="q")
    )
    at, job = datetime(2026, 3, 2, tzinfo=UTC), uuid4()
    entry = Entry(
        platform=PlatformName.TIKTOK, creator=creator, found_at=at, last_found_at=at, job_ids=(job,),
        answer=lambda: pytest.fail("no document is asked for"),
    )  # fmt: skip
    table = table_of(preset, subject)
    told = [{column.name: column.read(line) for column in table.columns} for line in table.lines(entry)]
    if preset is Preset.OUTREACH:
        assert [(row["email"], row["sources"], row["seenAt"], row["url"]) for row in told] == [
            ("a@example.com", ("bio", "bio_link"), SEEN_AT, account.url),
            ("b@example.com", ("email_field",), SEEN_AT, account.url),
        ]
    else:
        [row] = told
        assert row["contact.emails"] == ("a@example.com", "b@example.com")
        assert row["contact.emailSources"] == ("bio and bio_link", "email_field")
        assert (row["contact.emailsSeenAt"], row["account.url"]) == (SEEN_AT, account.url)
    assert {(row["platform"], row["jobIds"]) for row in told} == {("tiktok", (job,))}


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("subject", Subject)
def test_names_of_columns_are_distinct(preset: Preset, subject: Subject) -> None:
    names = [column.name for column in table_of(preset, subject).columns]
    assert len(set(names)) == len(names)
