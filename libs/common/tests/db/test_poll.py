"""The statements behind reading a job on real Postgres: one snapshot, one owner, unknown is null."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.clock import Clock
from common.db.job import NewJob, insert_job
from common.db.owner import add_owner
from common.db.platform_state import Ability, announce_platform
from common.db.poll import read_job, read_marks, read_poll, read_states
from common.db.pool import Connection, Database
from common.domain.job import JobStatus, Mode, WaitingOn
from common.settings import DatabaseSettings

ADA, BOB = "user:user_ada", "user:user_bob"
TIKTOK = Ability(platform="tiktok", label="TikTok", modes=(), search_kinds=())


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="test", size_max=1)
    await database.open()
    async with database.connection() as connection:
        await add_owner(connection, owner=ADA)
        yield connection
    await database.close()


async def add_job(connection: Connection, owner: str = ADA) -> UUID:
    clock = Clock()
    job = NewJob(
        id=clock.new_id(),
        owner=owner,
        created_by="user_ada",
        campaign_id=None,
        platform="tiktok",
        mode=Mode.KEYWORD,
        input={},
        target_results=100,
        pages_max=10,
        credits_max=50,
        parallel_searches_max=1,
        timeout=timedelta(hours=1),
        delay_between_calls=timedelta(0),
        queue_until=clock.now() + timedelta(days=1),
    )
    await insert_job(connection, job)
    return job.id


@pytest.fixture
async def job_id(connection: Connection) -> UUID:
    return await add_job(connection)


async def add_search(connection: Connection, job_id: UUID, ordinal: int) -> UUID:
    search_id = uuid4()
    await connection.execute(
        "insert into searches (id, job_id, ordinal, kind, query, status) values (%s, %s, %s, 'keyword', 'k', 'active')",
        [search_id, job_id, ordinal],
    )
    return search_id


async def add_step(connection: Connection, job_id: UUID, search_id: UUID, step: int, outcomes: dict[str, int]) -> UUID:
    step_id = uuid4()
    async with connection.transaction():
        await connection.execute(
            """insert into steps (id, search_id, step, job_id, phase, items_count, paged_at)
               values (%s, %s, %s, %s, 'done', %s, '2026-01-02T03:04:05.060708Z')""",
            [step_id, search_id, step, job_id, sum(outcomes.values())],
        )
        for outcome, count in outcomes.items():
            await connection.execute(
                "insert into step_outcomes (search_id, step, job_id, outcome, count) values (%s, %s, %s, %s, %s)",
                [search_id, step, job_id, outcome, count],
            )
    return step_id


async def add_creator(connection: Connection, job_id: UUID, search_id: UUID, step: int, seq: int | None) -> None:
    details = {
        "account": {"bio": None, "avatar_url": None},
        "contact": {"emails": None},
        "content": None,
    }
    await connection.execute(
        """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
               outcome, seq, handle, details, delivered_at)
           values (%s, gen_random_uuid()::text, %s, %s, 0, gen_random_uuid(), 7, %s, %s, %s, %s,
               case when %s then now() end)""",
        [
            job_id,
            search_id,
            step,
            "surplus" if seq is None else "delivered",
            seq,
            f"h{seq}",
            Jsonb(details),
            seq is not None,
        ],
    )


async def results(connection: Connection, job_id: UUID) -> list[dict[str, Any]]:
    poll = await read_poll(connection, owner=ADA, platform="tiktok", job_id=job_id)
    assert poll is not None
    return json.loads(poll.results)


async def test_a_job_is_read_by_its_owner_on_its_platform_alone(connection: Connection, job_id: UUID) -> None:
    for owner, platform, asked, is_there in [
        (ADA, "tiktok", job_id, True),
        (BOB, "tiktok", job_id, False),
        (ADA, "youtube", job_id, False),
        (ADA, "tiktok", uuid4(), False),
    ]:
        poll = await read_poll(connection, owner=owner, platform=platform, job_id=asked)
        assert (poll is not None) == is_there
    assert await read_job(connection, owner=ADA, job_id=job_id) is not None
    assert await read_job(connection, owner=BOB, job_id=job_id) is None
    for read in (read_marks, read_states):
        assert [mark.owner for mark in await read(connection, owners=[ADA], job_ids=[job_id, uuid4()])] == [ADA]
        assert await read(connection, owners=[BOB], job_ids=[job_id]) == []


async def test_mark_and_poll_name_the_same_state(connection: Connection, job_id: UUID) -> None:
    await connection.execute("update jobs set event_seq = 42, status = 'processing'")
    (mark,) = await read_marks(connection, owners=[ADA, BOB], job_ids=[job_id])
    poll = await read_poll(connection, owner=ADA, platform="tiktok", job_id=job_id)
    assert poll is not None
    assert (mark.event_seq, mark.status) == (poll.event_seq, poll.status) == (42, JobStatus.PROCESSING)


async def test_steps_stand_in_the_order_of_their_first_delivery_and_creators_too(
    connection: Connection, job_id: UUID
) -> None:
    first, second = [await add_search(connection, job_id, ordinal) for ordinal in range(2)]
    early = await add_step(connection, job_id, first, 0, {"delivered": 2, "surplus": 1})
    late = await add_step(connection, job_id, second, 0, {"delivered": 2})
    await add_step(connection, job_id, second, 1, {"surplus": 1})
    for search_id, seq in [(second, 9), (first, 5), (second, 4), (first, 8)]:
        await add_creator(connection, job_id, search_id, 0, seq)
    await add_creator(connection, job_id, first, 0, None)
    await add_creator(connection, job_id, second, 1, None)
    for setting in ("enable_indexscan", "enable_bitmapscan"):  # so that no index puts them in order by chance
        await connection.execute(f"set {setting} = off".encode())
    read = await results(connection, job_id)
    assert [element["id"] for element in read] == [str(late), str(early)]
    handles = [[creator["creator"]["uniqueId"] for creator in element["creators"]] for element in read]
    assert handles == [["h4", "h9"], ["h5", "h8"]], "only what was delivered, at the step that found it"
    assert {element["createdAt"] for element in read} == {"2026-01-02T03:04:05.060708Z"}
    assert {element["jobId"] for element in read} == {str(job_id)}


async def test_the_platforms_label_is_what_people_read(connection: Connection, job_id: UUID) -> None:
    search_id = await add_search(connection, job_id, 0)
    await add_step(connection, job_id, search_id, 0, {"delivered": 1})
    await add_creator(connection, job_id, search_id, 0, 1)
    assert (await results(connection, job_id))[0]["creators"][0]["platform"] == "tiktok", "its name until it is known"
    await announce_platform(connection, TIKTOK)
    assert (await results(connection, job_id))[0]["creators"][0]["platform"] == "TikTok"


async def test_a_similar_jobs_most_alike_stand_first_and_a_keyword_jobs_likeness_means_nothing(
    connection: Connection, job_id: UUID
) -> None:
    """Elements among each other and creators within them; unknown likeness last, equals in the order of delivery."""
    for ordinal, seqs in enumerate([(1, 2, 5), (3, 4, 6)]):
        search_id = await add_search(connection, job_id, ordinal)
        await add_step(connection, job_id, search_id, 0, {"delivered": 3})
        for seq in seqs:
            await add_creator(connection, job_id, search_id, 0, seq)
    for handle, likeness in {"h1": 0.2, "h2": 0.5, "h3": 0.9, "h6": 0.9}.items():
        await connection.execute("update candidates set likeness = %s where handle = %s", [likeness, handle])
    for mode, expected in [
        ("similar", [["h3", "h6", "h4"], ["h2", "h1", "h5"]]),
        ("keyword", [["h1", "h2", "h5"], ["h3", "h4", "h6"]]),
    ]:
        await connection.execute("update jobs set mode = %s where id = %s", [mode, job_id])
        read = await results(connection, job_id)
        assert [[one["creator"]["uniqueId"] for one in element["creators"]] for element in read] == expected


async def test_the_funnel_is_summed_over_steps_and_rules(connection: Connection, job_id: UUID) -> None:
    search_id = await add_search(connection, job_id, 0)
    await add_step(connection, job_id, search_id, 0, {"delivered": 3, "duplicate": 2})
    await add_step(connection, job_id, search_id, 1, {"delivered": 1, "unparsable": 4})
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert view.outcomes == {"delivered": 4, "duplicate": 2, "unparsable": 4}
    assert view.items_count == 10


async def test_a_job_says_by_which_rules_it_left_people_out(connection: Connection, job_id: UUID) -> None:
    search_id = await add_search(connection, job_id, 0)
    for step, rules in enumerate([{"followersMin": 2, "hasEmail:unknown": 1}, {"followersMin": 3, "verified": 0}]):
        await add_step(connection, job_id, search_id, step, {"delivered": 1})
        async with connection.transaction():
            await connection.execute(
                "update steps set items_count = items_count + %s where search_id = %s and step = %s",
                [sum(rules.values()), search_id, step],
            )
            for rule, count in rules.items():
                await connection.execute(
                    """insert into step_outcomes (search_id, step, job_id, outcome, rule, count)
                       values (%s, %s, %s, 'filtered', %s, %s)""",
                    [search_id, step, job_id, rule, count],
                )
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert view.rules == {"filtered": {"followersMin": 5, "hasEmail:unknown": 1}}, "and none that left nobody out"
    assert view.outcomes == {"delivered": 2, "filtered": 6}


async def test_a_job_says_what_it_is_about_and_how_its_searches_went(connection: Connection, job_id: UUID) -> None:
    later, first = await add_search(connection, job_id, 1), await add_search(connection, job_id, 0)
    await connection.execute("update searches set pages_count = 4 where id = %s", [later])
    await connection.execute("update searches set status = 'ended', end_reason = 'exhausted' where id = %s", [first])
    await add_search(connection, await add_job(connection), 0)
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert (view.keywords, view.target, view.filters) == (None, None, None)
    assert [(one.kind, one.query, one.status, one.end_reason, one.pages) for one in view.searches] == [
        ("keyword", "k", "ended", "exhausted", 0),
        ("keyword", "k", "active", None, 4),
    ]
    for given, told in [
        ({"keywords": ["a", "#b"]}, (("a", "#b"), None, None)),
        ({"targetUsername": "jane", "filters": {"hasEmail": True}}, (None, "jane", {"hasEmail": True})),
    ]:
        await connection.execute("update jobs set input = %s where id = %s", [Jsonb(given), job_id])
        view = await read_job(connection, owner=ADA, job_id=job_id)
        assert view is not None
        assert (view.keywords, view.target, view.filters) == told


async def test_progress_is_rounded_to_what_people_read(connection: Connection, job_id: UUID) -> None:
    await connection.execute("update jobs set progress = 33.333333")
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert view.progress == 33.33


@pytest.mark.parametrize(
    ("job", "platform", "expected"),
    [
        ("status = 'pending', admitted_at = null", "state = 'open'", WaitingOn.OWNER_LIMIT),
        ("status = 'pending', admitted_at = now()", "state = 'open'", None),
        ("admitted_at = null", "state = 'paused', reason = 'operator'", WaitingOn.OWNER_LIMIT),
        ("admitted_at = now()", "state = 'paused', reason = 'operator'", WaitingOn.OPERATOR),
        ("admitted_at = now()", "state = 'paused', reason = 'credits', until = now() + '1 min'", WaitingOn.CREDITS),
        (
            "admitted_at = now()",
            "state = 'paused', reason = 'credits', until = now() - interval '1 min'",
            WaitingOn.CREDITS,
        ),
        (
            "admitted_at = now()",
            "state = 'cool_down', reason = 'cool_down', until = now(), prober = gen_random_uuid()",
            WaitingOn.COOL_DOWN,
        ),
        ("admitted_at = now()", "resumed_at = now()", None),
        (
            "status = 'processing', admitted_at = now()",
            "state = 'cool_down', reason = 'cool_down', until = now() + '1 min'",
            WaitingOn.COOL_DOWN,
        ),
        (
            "status = 'cancelled', stop_reason = 'cancelled', ended_at = now()",
            "state = 'paused', reason = 'operator'",
            None,
        ),
    ],
)
async def test_what_a_job_waits_on_follows_from_its_turn_and_its_platform(
    connection: Connection, job_id: UUID, job: str, platform: str, expected: WaitingOn | None
) -> None:
    await announce_platform(connection, TIKTOK)
    await connection.execute(f"update jobs set {job}".encode())
    await connection.execute(f"update platform_states set {platform}".encode())
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert view.waiting_on == expected


@pytest.mark.parametrize(
    ("job", "platform", "minutes"),
    [
        ("admitted_at = now()", "state = 'open'", None),
        ("admitted_at = now()", "state = 'paused', reason = 'credits', until = now() + '5 min'", 5),
        ("admitted_at = now()", "state = 'cool_down', reason = 'cool_down', until = now() - interval '1 min'", -1),
        ("admitted_at = now()", "state = 'paused', reason = 'operator'", None),
        ("admitted_at = null", "state = 'paused', reason = 'credits', until = now() + '5 min'", None),
        (
            "status = 'cancelled', stop_reason = 'cancelled', ended_at = now(), admitted_at = now()",
            "state = 'paused', reason = 'credits', until = now() + '5 min'",
            None,
        ),
    ],
)
async def test_a_job_under_a_pause_says_when_it_ends(
    connection: Connection, job_id: UUID, job: str, platform: str, minutes: int | None
) -> None:
    """Unknown if that is for an operator to say, and as long as the owner's limit is what it waits for."""
    await announce_platform(connection, TIKTOK)
    await connection.execute(f"update jobs set {job}".encode())
    await connection.execute(f"update platform_states set {platform}".encode())
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    if minutes is None:
        assert view.waiting_until is None
    else:
        assert view.waiting_until is not None
        assert abs(view.waiting_until - Clock().now() - timedelta(minutes=minutes)) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("platform", "is_stopped", "used", "waiting_on", "seconds_max"),
    [
        ("state = 'open'", True, 0, WaitingOn.OPERATOR, None),
        ("state = 'open'", True, 10, WaitingOn.OPERATOR, None),
        ("state = 'cool_down', reason = 'cool_down', until = now() + '5 s'", True, 0, WaitingOn.OPERATOR, None),
        ("state = 'open'", False, 10, WaitingOn.CREDITS, 60),
        ("state = 'cool_down', reason = 'cool_down', until = now() + '5 s'", False, 10, WaitingOn.COOL_DOWN, 5),
        ("state = 'paused', reason = 'operator'", False, 10, WaitingOn.OPERATOR, None),
        ("state = 'open'", False, 9, None, None),
    ],
)
async def test_a_job_says_that_all_paid_calls_wait_and_for_what(
    connection: Connection,
    job_id: UUID,
    platform: str,
    is_stopped: bool,
    used: int,
    waiting_on: WaitingOn | None,
    seconds_max: int | None,
) -> None:
    """Stopped by an operator, or for the next minute; a pause of the platform that lasts longer is said first."""
    await announce_platform(connection, TIKTOK)
    await connection.execute("update jobs set admitted_at = now()")
    await connection.execute(f"update platform_states set {platform}".encode())
    await connection.execute("insert into system_settings values ('limits', 'credits_per_minute', '10')")
    await connection.execute(
        """insert into spending_minutes (minute, credits)
           select date_trunc('minute', now(), 'UTC') + n * interval '1 minute', %s from generate_series(0, 1) n""",
        [used],
    )
    if is_stopped:
        await connection.execute("insert into system_settings values ('api', 'paid_calls', '\"stopped\"')")
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert view.waiting_on == waiting_on
    if seconds_max is None:
        assert view.waiting_until is None
    else:
        assert view.waiting_until is not None
        assert view.waiting_until - Clock().now() <= timedelta(seconds=seconds_max)


async def test_a_job_that_waits_for_its_turn_says_how_many_are_before_it(connection: Connection) -> None:
    """In the order in which they queue; those of others, those that run and those that are over do not count."""
    jobs = [await add_job(connection) for _ in range(5)]
    await add_owner(connection, owner=BOB)
    bobs = [await add_job(connection, BOB) for _ in range(2)]
    await connection.execute("update jobs set queued_at = now() - interval '1 hour' where owner = %s", [BOB])
    await connection.execute("update jobs set queued_at = now() - interval '1 hour' where id = %s", [jobs[3]])
    for column in ("admitted_at = now()", "status = 'cancelled', stop_reason = 'cancelled', ended_at = now()"):
        first = await add_job(connection)
        earlier = "queued_at = now() - interval '2 hours'"
        await connection.execute(f"update jobs set {earlier}, {column} where id = %s".encode(), [first])
        view = await read_job(connection, owner=ADA, job_id=first)
        assert view is not None
        assert view.waiting_position is None
    places = dict.fromkeys(jobs, 0)
    for job_id in jobs:
        view = await read_job(connection, owner=ADA, job_id=job_id)
        assert view is not None
        places[job_id] = view.waiting_position or 0
    assert [places[job_id] for job_id in jobs] == [2, 3, 4, 1, 5]
    view = await read_job(connection, owner=BOB, job_id=bobs[1])
    assert view is not None
    assert view.waiting_position == 2


async def test_a_job_says_its_run_and_what_it_may_spend_before_it_asks_for_more(
    connection: Connection, job_id: UUID
) -> None:
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert (view.run, view.credits_granted, view.credits_max) == (1, 0, 50)
    await connection.execute("update jobs set credits_granted = 31, credits_spent = 20, credits_reserved = 7")
    await connection.execute("update jobs set status = 'error', stop_reason = 'failed', ended_at = now()")
    await connection.execute(
        "update jobs set status = 'pending', run = 2, stop_reason = null, ended_at = null, admitted_at = null"
    )
    view = await read_job(connection, owner=ADA, job_id=job_id)
    assert view is not None
    assert (view.run, view.credits_granted, view.credits_spent, view.credits_reserved) == (2, 31, 20, 7)
    assert (view.waiting_on, view.waiting_position) == (WaitingOn.OWNER_LIMIT, 1)
