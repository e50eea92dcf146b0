-- Three platforms, two modes: filters, targets, searches that steps add, and one shape of creator.

alter table jobs
    add column filters jsonb not null default '{}', -- common.domain.filter.Filters
    add column target jsonb; -- in similar mode, once it is known: common.domain.creator.Target

-- Searches of a later wave start when those of the earlier ones have ended.
alter table searches add column wave integer not null default 0 check (wave >= 0);

-- What a candidate is likely to be worth: the order in which profiles are bought.
alter table candidates add column worth real not null default 0;
alter table candidates add constraint candidates_likeness check (likeness between 0 and 1);

-- What a platform's worker announces, beside its modes: the filters that it can apply, how its handles are written.
alter table platform_states
    add column filters text[] not null default '{}',
    add column handles jsonb;

-- Profiles and details in the shape of version 1. A region was a country.
update profiles set account = (account - 'region') || jsonb_build_object('country', account -> 'region')
where account is not null;
update candidates c set details = jsonb_build_object(
    'version', 1,
    'account', (c.details -> 'account') - 'region' || jsonb_build_object('country', c.details #> '{account,region}'),
    'contact', jsonb_build_object(
        'emails', case when jsonb_typeof(c.details -> 'emails') = 'array' then (
            select coalesce(jsonb_agg(jsonb_build_object(
                'address', address, 'sources', jsonb_build_array('bio'),
                'seen_at', coalesce(c.delivered_at, c.created_at))), '[]')
            from jsonb_array_elements_text(c.details -> 'emails') address) end,
        'links', coalesce(c.details #> '{account,links}', '[]'),
        'accounts', '[]'::jsonb),
    'content', case when jsonb_typeof(c.details -> 'video') = 'object' then jsonb_build_object(
        'platform_id', c.details #> '{video,platform_id}',
        'url', c.details #> '{video,url}',
        'text', c.details #> '{video,description}',
        'statistics', jsonb_build_object(
            'views', c.details #> '{video,views}', 'likes', c.details #> '{video,likes}',
            'comments', c.details #> '{video,comments}', 'shares', c.details #> '{video,shares}', 'saves', null),
        'posted_at', c.details #> '{video,posted_at}',
        'language', null,
        'hashtags', coalesce(c.details -> 'hashtags', '[]'),
        'mentions', '[]'::jsonb) end,
    'matched', jsonb_build_object('kind', q.kind, 'query', q.query),
    'likeness', null,
    'profile_seen_at', null)
from searches q where q.id = c.search_id;

-- A job's creators, the most alike first.
create index candidates_by_likeness on candidates (job_id, likeness desc nulls last, seq) where seq is not null;
