"""The SQL that makes a history: what jobs leave behind when they are over, as the services write it.

It is written without triggers and foreign keys, so what they would see to is seen to here. `past` has a line for each
job that was: its ids are UUIDv7, as ours are, so that what came later sorts later. Each part is read by one connection
and written by another, so each says all that it needs from `past`.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from bench.growth.size import ACTIVE_JOBS, CANDIDATES_PER_FULL_JOB, JOBS_PER_CAMPAIGN, PAGES_PER_FULL_JOB

PER_PAGE: Final = CANDIDATES_PER_FULL_JOB // PAGES_PER_FULL_JOB
DELIVERED_PER_PAGE: Final = PER_PAGE * 6 // 10
PROTOTYPES: Final = 1000

CONSTANTS: Final = {
    "active_jobs": ACTIVE_JOBS,
    "pages": PAGES_PER_FULL_JOB,
    "per_page": PER_PAGE,
    "delivered": DELIVERED_PER_PAGE,
    "per_campaign": JOBS_PER_CAMPAIGN,
    "prototypes": PROTOTYPES,
}

PAST: Final = """
create unlogged table past as
select n, created_at, is_full, n %% 20 = 7 as is_broken,
    case when is_full then %(pages)s::int else 1 end as pages, 'user:u' || owner_number as owner,
    md5('c' || owner_number || ':' || number_of_owner / %(per_campaign)s::int)::uuid as campaign_id,
    (moment || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid as job_id,
    (moment || '7' || substr(hash, 19, 3) || '9' || substr(hash, 4, 15))::uuid as search_id
from generate_series(1, %(jobs)s::int) n
cross join lateral (
    select md5(n::text) as hash, n > %(jobs)s::int - %(full_jobs)s::int as is_full,
        case when n %% 10 = 0 then 1 else 2 + n / 10 %% (%(owners)s::int - 1) end as owner_number,
        case when n %% 10 = 0 then n / 10 else n / 10 / (%(owners)s::int - 1) * 9 + n %% 10 end as number_of_owner,
        now() - interval '1 hour' - (%(jobs)s::int - n) * (interval '90 days' / %(jobs)s::int) as created_at) one
cross join lateral (
    select lpad(to_hex((extract(epoch from created_at) * 1000)::bigint), 12, '0') as moment) two
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table: its columns, and where they are read."""

    table: LiteralString
    columns: LiteralString
    rows: LiteralString


PARTS: Final = (
    Part("owners", "owner", "select 'user:u' || n from generate_series(1, %(owners)s::int) n"),
    Part(
        "owner_days",
        "owner, day, credits_granted",
        """select 'user:u' || n, (now() at time zone 'UTC')::date - k, 100
        from generate_series(1, %(owners)s::int) n, generate_series(1, 30) k""",
    ),
    Part(
        "campaigns",
        "id, owner, name, created_by, created_at",
        "select campaign_id, min(owner), 'Spring', 'user_1', min(created_at) from past group by campaign_id",
    ),
    Part(
        "jobs",
        """id, owner, created_by, campaign_id, platform, mode, input, target_results, pages_max, credits_max,
        parallel_searches_max, timeout, delay_between_calls, status, stop_reason, error, reference, event_seq,
        delivered_count, pages_count, calls_count, credits_spent, credits_granted, progress, created_at, queued_at,
        admitted_at, started_at, deadline_at, queue_until, ended_at, updated_at, quota_day, creators_since,
        creators_removed_at, removed_count""",
        """select job_id, owner, 'user_' || split_part(owner, ':', 2), campaign_id, 'tiktok', 'keyword',
            '{"keywords": ["vegan", "sourdough"]}'::jsonb, 1000, 200, 5000, 5, interval '1 hour', interval '0',
            case when is_broken then 'error' else 'completed' end,
            case when is_broken then 'failed' else 'exhausted' end,
            case when is_broken then 'The upstream did not answer.' end, case when is_broken then 'abcdef012345' end,
            3 + pages::bigint * %(per_page)s, pages * %(delivered)s, pages, pages, pages, pages,
            (case when is_broken then 40 else 100 end)::real, created_at, created_at, created_at, created_at,
            created_at + interval '1 hour', created_at + interval '1 day', created_at + interval '2 minutes',
            created_at + interval '2 minutes', (created_at at time zone 'UTC')::date,
            case when is_full then created_at end, case when not is_full then now() end,
            case when is_full then 0 else pages * %(delivered)s end
        from past""",
    ),
    Part(
        "searches",
        "id, job_id, ordinal, kind, query, status, end_reason, pages_count, created_at, ended_at",
        """select search_id, job_id, 0, 'keyword', 'vegan', 'ended', 'exhausted', pages, created_at,
            created_at + interval '2 minutes' from past""",
    ),
    Part(
        "steps",
        """id, search_id, step, job_id, generation, phase, cursor, attempts, claims_count, published_generation,
        published_at, qstash_message_id, stream_sequence, delivered_at, due_at, items_count, item_ids, paged_at,
            done_at,
        created_at""",
        """select overlay(search_id::text placing lpad(step::text, 12, '0') from 25 for 12)::uuid, search_id, step,
            job_id, 0, 'done', case when is_full then step::text end, 0, 1, 0, created_at, 'msg_' || step, n::bigint,
            created_at, created_at, %(per_page)s::int, case when is_full then item_ids end, created_at, created_at,
            created_at
        from past, generate_series(0, pages - 1) step,
            (select array_agg((7300000000000000000 + k)::text) as item_ids from generate_series(1, %(per_page)s) k)""",
    ),
    Part(
        "step_outcomes",
        "search_id, step, job_id, outcome, rule, count",
        """select search_id, step, job_id, outcome, rule, count
        from past, generate_series(0, pages - 1) step, (values ('delivered', '', %(delivered)s::int),
            ('filtered', 'followers', %(per_page)s::int - %(delivered)s::int)) o (outcome, rule, count)""",
    ),
    Part(
        "job_events",
        "job_id, seq, kind, at",
        """select job_id, 1 + (k + 1)::bigint * %(per_page)s, case when k = pages then 'ended' else 'progressed' end,
            created_at
        from past, generate_series(0, pages) k""",
    ),
    Part(
        "upstream_calls",
        """id, job_id, search_id, step, platform, owner, token, kind, path, fingerprint, status, http_status,
        credits_reserved, credits_charged, milliseconds, bytes, opened_at, settled_at""",
        """select overlay(job_id::text placing lpad(step::text, 12, '0') from 25 for 12)::uuid, job_id, search_id, step,
            'tiktok', owner, job_id, 'page', '/v1/tiktok/search/keyword', '', 'settled', 200, 1, 1, 300, 90000,
            created_at, created_at
        from past, generate_series(0, pages - 1) step""",
    ),
    Part(
        "profiles",
        "platform, platform_id, status, account, fetched_at",
        """select 'tiktok', (6800000000000000000 + n * 104729)::text, 'found', details -> 'account',
            now() - n * (interval '7 days' / (%(full_jobs)s::int * 50))
        from generate_series(1::bigint, %(full_jobs)s::int * 50) n join prototypes on number = n %% %(prototypes)s""",
    ),
    Part(
        "dead_letters",
        "id, job_id, search_id, step, generation, reason, created_at, resolved_at, resolution",
        """select search_id, job_id, search_id, 0, 0, 'attempts', created_at, created_at, 'discarded'
        from past where n %% 100 = 1""",
    ),
    Part(
        "idempotency_keys",
        "owner, key, fingerprint, job_id, answer, created_at",
        "select owner, job_id::text, md5(n::text), job_id, '{}', "
        "created_at from past where n > %(jobs)s::int * 44 / 45",
    ),
)

CANDIDATES: Final = """
insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step, outcome, rule,
    seq, enrichment, handle, name, followers, verified, has_email, worth, details, created_at, delivered_at)
select job_id, (6800000000000000000 + person * 104729)::text, search_id, step, k, search_id, step,
    case when is_delivered then 'delivered' else 'filtered' end, case when not is_delivered then 'followers' end,
    case when is_delivered then 2 + step * %(per_page)s + k end, 'not_needed', 'kitchen.' || person,
        'Kitchen ' || person,
    1000 + number * 37, number %% 20 = 0, number %% 3 = 0, 0, details, created_at,
    case when is_delivered then created_at end
from past, generate_series(0, pages - 1) step, generate_series(0, %(per_page)s::int - 1) k
cross join lateral (
    select k < %(delivered)s::int as is_delivered,
        (n::bigint * 31 + step * %(per_page)s::int + k) * 7919 %% 1000003 as person) p
join prototypes on number = person %% %(prototypes)s
where is_full
"""

PRESENT: Final = (
    """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
        parallel_searches_max, timeout, delay_between_calls, status, event_seq, credits_granted, admitted_at,
            started_at,
        deadline_at, queue_until)
    select md5('a' || n)::uuid, 'user:u' || 2 + n %% (%(owners)s::int - 1), 'user_1', 'tiktok', 'keyword', '{}',
        1000, 200,
        5000, 5, '1 day', '0', 'processing', 1, 50, now(), now(), now() + interval '1 day', now() + interval '1 day'
    from generate_series(1, %(active_jobs)s::int) n""",
    """insert into searches (id, job_id, ordinal, kind, query, status)
    select md5('b' || n)::uuid, md5('a' || n)::uuid, 0, 'keyword', 'vegan', 'active'
    from generate_series(1, %(active_jobs)s::int) n""",
    """insert into steps (id, search_id, step, job_id, phase, published_generation, published_at, delivered_at, token,
        lease_until)
    select gen_random_uuid(), md5('b' || n)::uuid, 0, md5('a' || n)::uuid, 'page', 0, now(), now(), gen_random_uuid(),
        now() + interval '1 day'
    from generate_series(1, %(active_jobs)s::int) n""",
)
