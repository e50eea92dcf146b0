"""A campaign of invented creators, written straight into Postgres: delivered rows, as the workers leave them."""

from dataclasses import dataclass
from uuid import UUID

import psycopg

CAMPAIGN_ID = UUID("01900000-0000-7000-8000-000000000000")
REPEATED_SHARE = 10
"""One of so many creators is found by a second job too."""

_CAMPAIGN = (
    "insert into owners (owner) values (%(owner)s) on conflict do nothing",
    """insert into campaigns (id, owner, name, created_by) values (%(campaign)s, %(owner)s, 'A crowd', 'bench')""",
    """insert into jobs (id, owner, created_by, campaign_id, platform, mode, input, target_results, pages_max,
           credits_max, parallel_searches_max, timeout, delay_between_calls, queue_until)
       select md5('job' || j)::uuid, %(owner)s, 'bench', %(campaign)s,
           (array['tiktok', 'instagram', 'youtube'])[j %% 3 + 1], 'keyword', '{"keywords": ["sourdough"]}', 10000, 200,
           5000, 5, '1 hour', '0', now() + interval '1 day'
       from generate_series(0, %(jobs)s - 1) j""",
    """insert into searches (id, job_id, ordinal, kind, query, status)
       select id, id, 0, 'keyword', 'sourdough', 'active' from jobs where campaign_id = %(campaign)s""",
    """insert into steps (id, search_id, step, job_id, phase)
       select id, id, 0, id, 'page' from jobs where campaign_id = %(campaign)s""",
)
# Documents of 1.5 to 2 kB, texts with what has to be escaped; ids of 19 digits in no order.
_CREATORS = """
    with person as (
        select n, copy, md5('job' || (n + copy) %% %(jobs)s)::uuid as job_id,
            (7000000000000000000 + n * 7919919919 %% 999999999989)::text as id, md5('person' || n) as word
        from generate_series(1::bigint, %(creators)s) n cross join generate_series(0, 3, 3) copy
        where copy = 0 or n %% %(repeated)s = 0
    )
    insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step, outcome,
        seq, enrichment, handle, name, followers, verified, has_email, details, delivered_at)
    select job_id, id, job_id, 0, 0, job_id, 0, 'delivered',
        row_number() over (partition by job_id order by copy, n), 'cached', 'bread.' || n, 'Baker ' || n, n, false,
        n %% 2 = 0,
        jsonb_build_object(
            'version', 1,
            'account', jsonb_build_object(
                'platform_id', id, 'handle', 'bread.' || n, 'name', 'Bäckerei "' || left(word, 8) || '" 🍞',
                'url', 'https://social.example.com/@bread.' || n, 'followers', n * 37, 'following', n %% 900,
                'posts', n %% 300, 'verified', n %% 50 = 0, 'private', false,
                'bio', E'=HYPERLINK("https://x.example.com")\\nSourdough & more, ' || repeat(word || ' ', 4)
                    || 'mail ' || left(word, 10) || '@example.com',
                'avatar_url', 'https://cdn.example.com/avatars/' || word || '.jpg?x-expires=1790000000&x-signature='
                    || word,
                'links', jsonb_build_array('https://' || left(word, 12) || '.example.com/shop'), 'emails', '[]'::jsonb,
                'country', 'DE', 'language', 'de', 'category', 'Food', 'topics', '["Bread", "Baking"]'::jsonb,
                'hashtags', jsonb_build_array('sourdough', 'bread', left(word, 6), right(word, 6), 'baking'),
                'mentions', '[]'::jsonb, 'created_at', '2020-01-02T03:04:05Z',
                'last_posted_at', '2026-01-02T03:04:05Z', 'posts_per_week', 2.5,
                'native', jsonb_build_object('sec_uid', 'MS4wLjABAAAA' || word)),
            'contact', jsonb_build_object(
                'emails', case when n %% 2 = 0 then jsonb_build_array(jsonb_build_object(
                    'address', left(word, 10) || '@example.com', 'sources', '["bio"]'::jsonb,
                    'seen_at', '2026-02-03T04:05:06.789012Z')) else '[]'::jsonb end,
                'links', jsonb_build_array('https://' || left(word, 12) || '.example.com/shop'),
                'accounts', '[]'::jsonb),
            'content', jsonb_build_object(
                'platform_id', id, 'url', 'https://social.example.com/@bread.' || n || '/video/' || id,
                'text', 'How I bake my <sourdough>: ' || repeat(word || ' ', 5),
                'statistics', jsonb_build_object('views', n * 1000, 'likes', n * 10, 'comments', n %% 500,
                    'shares', n %% 50, 'saves', null),
                'posted_at', '2026-01-02T03:04:05Z', 'language', 'de',
                'hashtags', '["sourdough", "bread", "baking"]'::jsonb, 'mentions', '[]'::jsonb),
            'matched', jsonb_build_object('kind', 'keyword', 'query', 'sourdough'),
            'likeness', null, 'profile_seen_at', '2026-02-03T04:05:06.789012Z'),
        now() - n * interval '1 second'
    from person on conflict do nothing"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What was written: a campaign, one of its jobs, and how much of both there is."""

    campaign_id: UUID
    job_id: UUID
    creators: int
    job_creators: int
    document_bytes: int


def make_crowd(url: str, *, owner: str, creators: int, jobs: int) -> Crowd:
    """So many different creators over so many jobs of one campaign. `url` is that of a role that may do anything."""
    given = {
        "owner": owner,
        "campaign": CAMPAIGN_ID,
        "jobs": jobs,
        "creators": creators,
        "repeated": REPEATED_SHARE,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (*_CAMPAIGN, _CREATORS):
            connection.execute(statement, given)
        connection.execute("vacuum (analyze) candidates, jobs")
        row = connection.execute(
            """select j.id, (select count(*) from candidates c where c.job_id = j.id),
                   (select avg(octet_length(c.details::text))::int from candidates c where c.job_id = j.id)
               from jobs j where j.id = md5('job0')::uuid"""
        ).fetchone()
    assert row is not None
    return Crowd(CAMPAIGN_ID, row[0], creators, row[1], row[2])
