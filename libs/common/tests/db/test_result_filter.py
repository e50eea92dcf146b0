"""The filters of results are those of jobs: Postgres and the engine say the same of every creator."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.db.candidate import insert_candidates
from common.db.pool import Connection
from common.db.result import ResultQuery, list_alike, list_followed, list_found
from common.domain.creator import Account, Contact, Content, Creator, Email, EmailSource, Match
from common.domain.filter import Filters, Unknown
from common.domain.outcome import Outcome
from common.engine.filter import examine, rejection
from common.transaction.row import settled_row

LISTS = [list_found, list_alike, list_followed]
EMAIL = Email(address="a@ovens.studio", sources=(EmailSource.BIO,), seen_at=datetime(2026, 1, 1, tzinfo=UTC))
DAYS = st.integers(2, 4)
# Moments before now, mostly about the bound of a filter, to the microsecond.
AGES = st.none() | st.builds(timedelta, days=DAYS, microseconds=st.sampled_from([-1, 0, 1]))
ZONES = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-720, 840))
COUNTS = st.none() | st.integers(0, 3) | st.sampled_from([10**10, 2**53 + 1])
LANGUAGES = st.sampled_from([None, "", "en", "EN", "en-US", "EN_gb", "zh_Hant", "eng", "-en", "_", "de-"])
COUNTRIES = st.sampled_from([None, "", "DE", "de", "GB", "US"])


@st.composite
def creators(draw: Any) -> tuple[Creator, timedelta | None, timedelta | None]:
    """A creator, with the ages of its last post and of the post that was found: now is known only to Postgres."""
    account = Account(
        platform_id="p",
        handle="h",
        followers=draw(COUNTS),
        verified=draw(st.none() | st.booleans()),
        language=draw(LANGUAGES),
        country=draw(COUNTRIES),
    )
    contact = Contact(emails=draw(st.sampled_from([None, (), (EMAIL,)])))
    content = draw(st.sampled_from([None, Content(platform_id="v")]))
    creator = Creator(account=account, contact=contact, content=content, matched=Match(kind="keyword", query="q"))
    return creator, draw(AGES), draw(AGES) if content else None


CRITERIA: dict[str, st.SearchStrategy[Any]] = {
    "followers_min": COUNTS,
    "followers_max": COUNTS,
    "has_email": st.booleans(),
    "verified": st.booleans(),
    "languages": st.lists(st.sampled_from(["en", "zh", "de", "eng"]), max_size=2).map(tuple),
    "countries": st.lists(st.sampled_from(["DE", "GB"]), max_size=2).map(tuple),
    "posted_within": st.builds(timedelta, days=DAYS),
}


@st.composite
def filters_of_a_few(draw: Any) -> Filters:
    """One to three at once: of many, hardly anybody passes all."""
    names = draw(st.sets(st.sampled_from(sorted(CRITERIA)), min_size=1, max_size=3))
    return Filters(**{name: draw(CRITERIA[name]) for name in sorted(names)}, unknown=draw(st.sampled_from(Unknown)))


@pytest.fixture
async def seat(scene: Any) -> Any:
    return await scene.seat()


def dated(given: tuple[Creator, timedelta | None, timedelta | None], zone: timezone, now: datetime) -> Creator:
    creator, last, found = given
    posted = {"last_posted_at": None if last is None else (now - last).astimezone(zone)}
    account = creator.account.model_copy(update=posted)
    content = creator.content and creator.content.model_copy(
        update={"posted_at": None if found is None else (now - found).astimezone(zone)}
    )
    return creator.model_copy(update={"account": account, "content": content})


async def verdicts(connection: Connection, seat: Any, people: list[Creator], filters: Filters) -> list[list[int]]:
    """The numbers of those whom each order shows."""
    rows = [
        settled_row(creator, outcome=Outcome.DELIVERED, rule="", enrichment=None, seq=number).model_copy(
            update={"platform_id": f"p{number}"}
        )
        for number, creator in enumerate(people)
    ]
    await insert_candidates(connection, job_id=seat.job_id, search_id=seat.search_id, step=0, rows=rows)
    query = ResultQuery(owner=seat.owner, job_id=seat.job_id, after=None, count_max=1000, filters=filters)
    return [sorted(row.seq for row in await read(connection, query)) for read in LISTS]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(creators(), min_size=12, max_size=12), zone=ZONES, filters=filters_of_a_few())
async def test_postgres_and_the_engine_agree(
    scene: Any, seat: Any, people: list[tuple[Creator, Any, Any]], zone: timezone, filters: Filters
) -> None:
    async with scene.database.connection() as connection, connection.transaction(force_rollback=True):
        cursor = await connection.execute("select now()")  # the same all through the transaction
        (now,) = await cursor.fetchone()
        dates = [dated(person, zone, now) for person in people]
        passing = [
            number
            for number, creator in enumerate(dates)
            if rejection(filters, examine(filters, creator, now=now), is_settled=True) is None
        ]
        assert await verdicts(connection, seat, dates, filters) == [passing] * len(LISTS)
