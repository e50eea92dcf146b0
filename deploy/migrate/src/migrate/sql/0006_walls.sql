-- Row-level security, and no more grants than a service needs. The reasons are in docs/decisions/0026-two-walls.md.
-- No table is rewritten but candidates, once, for the two ranks below.

-- The command `operate` connects as a role of its own. Roles belong to the cluster: see 0003.
do $$
begin
    if not exists (select from pg_roles where rolname = 'creatorscout_operator') then
        create role creatorscout_operator nologin;
    end if;
exception
    when duplicate_object or unique_violation then
        null;
    when insufficient_privilege then
        raise exception 'its role may not create roles; an administrator has to create, without login, creatorscout_operator'
            using errcode = 'insufficient_privilege';
end $$;
grant usage on schema public to creatorscout_operator;

-- The places of the two other orders as plain columns: under row-level security an index is entered only by comparisons
-- that cannot tell anything of a row, and Postgres does not trust an expression to be such a one.
alter table candidates
    add column likeness_rank real not null generated always as (coalesce(-likeness, 1::real)) stored,
    add column followers_rank bigint not null generated always as (coalesce(-followers, 1::bigint)) stored;
drop index candidates_by_likeness, candidates_by_followers;
create index candidates_by_likeness on candidates (job_id, likeness_rank, seq) where seq is not null;
create index candidates_by_followers on candidates (job_id, followers_rank, seq) where seq is not null;

-- Every table with what is an owner's. Forced: who owns the tables is bound too, and has a policy of its own below.
do $$
declare
    of_owner constant text := '(owner = any ((select string_to_array(current_setting(''app.owner'', true), '',''))::text[])
        or (select current_setting(''app.owner'', true)) = ''*'')';
    -- Whose jobs are seen is said by the policy of jobs, which binds inside of this one. Not by `exists`, which Postgres
    -- may answer by reading all jobs first.
    of_job constant text := '((select true from jobs j where j.id = job_id)
        or (select current_setting(''app.owner'', true)) = ''*'')';
    the_table text;
    the_role text;
begin
    foreach the_table in array array['owners', 'owner_days', 'campaigns', 'jobs', 'upstream_calls', 'idempotency_keys',
            'searches', 'steps', 'step_outcomes', 'candidates', 'job_events', 'dead_letters'] loop
        execute format('alter table %I enable row level security', the_table);
        execute format('alter table %I force row level security', the_table);
        execute format('create policy of_owner on %1$I to creatorscout_gateway using %2$s with check %2$s', the_table,
            case when the_table in ('owners', 'owner_days', 'campaigns', 'jobs', 'upstream_calls', 'idempotency_keys')
                then of_owner else of_job end);
        -- Who migrates: without it, a later migration would change no row and say nothing.
        execute format('create policy of_migration on %I to %I using (true) with check (true)', the_table, current_user);
    end loop;
    -- These work for all owners; their wall is what they are granted below.
    for the_role, the_table in
        select r, t from unnest(array['webhook', 'worker', 'operator']) r, unnest(array['owners', 'owner_days', 'jobs',
            'searches', 'steps', 'step_outcomes', 'candidates', 'job_events', 'upstream_calls', 'dead_letters']) t
        union all select 'webhook', 'idempotency_keys'
    loop
        execute format('create policy %I on %I to %I using (true) with check (true)', 'of_' || the_role, the_table,
            'creatorscout_' || the_role);
    end loop;
end $$;

-- The statement of every poll, with its owner set and asked for in one go. It has its caller's rights and no others.
create function read_version(the_owner text, the_platform text, the_job uuid)
    returns table (event_seq bigint, status text) language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    perform set_config('app.owner', the_owner, true);
    return query select j.event_seq, j.status from jobs j
        where j.id = the_job and j.owner = the_owner and j.platform = the_platform;
end $$;
revoke execute on function read_version from public;
grant execute on function read_version to creatorscout_gateway;

-- The guard of the funnel counts what is there, whatever whoever commits may see.
alter function check_step_outcomes() security definer;
revoke execute on function check_step_outcomes() from public;

-- Grants anew, from the statements that each service has. Columns that nobody is granted keep what they were given: a
-- job its owner, its campaign, what was asked for; a call its job and what was reserved; a candidate its place.
revoke all on all tables in schema public
    from creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant select on job_transitions, schema_version, system_settings, owners, owner_days, jobs, searches, steps,
    step_outcomes, candidates, upstream_calls
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant insert on owner_days, steps, step_outcomes, job_events
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;

-- What all of them may do to a job: lock its owner, end it, admit the next, publish.
grant update (created_at) on owners -- that its row can be locked
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (credits_granted) on owner_days
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (status, stop_reason, error, reference, event_seq, delivered_count, pending_count, reserve_count,
    credits_reserved, credits_spent, credits_granted, quota_day, progress, admitted_at, started_at, deadline_at, ended_at,
    updated_at) on jobs
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (status, end_reason, ended_at) on searches
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (phase, token, lease_until, attempts, generation, published_generation, published_at, qstash_message_id,
    stream_sequence, delivered_at, redrives_count, sweeps_count, due_at, done_at) on steps
    to creatorscout_gateway, creatorscout_webhook, creatorscout_operator;
grant update (count) on step_outcomes
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (outcome, rule, seq, enrichment, handle, name, followers, verified, has_email, likeness, details,
    delivered_at) on candidates
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (status, reason, credits_charged, settled_at) on upstream_calls
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;

-- The gateway and operate start another run, and settle dead letters.
grant update (run, target_results, pages_max, credits_max, queued_at, queue_until) on jobs
    to creatorscout_gateway, creatorscout_operator;
grant update (claims_count, claimed_sequence) on steps to creatorscout_gateway, creatorscout_operator;
grant update (assigned_search_id, assigned_step) on candidates to creatorscout_gateway, creatorscout_operator;
grant select on job_events, platform_states, dead_letters, setting_changes
    to creatorscout_gateway, creatorscout_operator;
grant update (resolved_at, resolution, resolved_by) on dead_letters to creatorscout_gateway, creatorscout_operator;
grant insert, delete, update (value, description, updated_by, updated_at) on system_settings
    to creatorscout_gateway, creatorscout_operator;
grant insert on setting_changes to creatorscout_gateway, creatorscout_operator;

-- The gateway alone makes and deletes what is an owner's.
grant insert on owners to creatorscout_gateway;
grant select, insert, delete, update (name, archived_at, updated_at) on campaigns to creatorscout_gateway;
grant insert, delete on jobs to creatorscout_gateway;
grant insert on searches to creatorscout_gateway;
grant select, insert, update (answer) on idempotency_keys to creatorscout_gateway;

-- The webhook remembers deliveries and gives up steps; its sweep forgets keys without reading what they answered.
grant select on platform_states to creatorscout_webhook;
grant insert on dead_letters to creatorscout_webhook;
grant select, insert, delete on qstash_deliveries to creatorscout_webhook;
grant delete, select (created_at) on idempotency_keys to creatorscout_webhook;
grant select (claimed_by, claimed_until), update (claimed_by, claimed_until) on profiles to creatorscout_webhook;

-- The workers bring what is found: pages, candidates, profiles, calls; they announce and pause their platform.
grant update (target, pages_count, calls_count) on jobs to creatorscout_worker;
grant insert, update (pages_count, barren_pages) on searches to creatorscout_worker;
grant update (phase, token, lease_until, attempts, claims_count, claimed_sequence, published_generation, published_at,
    qstash_message_id, sweeps_count, due_at, items_count, item_ids, paged_at, done_at) on steps to creatorscout_worker;
grant insert, update (assigned_search_id, assigned_step) on candidates to creatorscout_worker;
grant insert, update (http_status, milliseconds, bytes) on upstream_calls to creatorscout_worker;
grant select, insert, update (status, account, fetched_at, claimed_by, claimed_until) on profiles
    to creatorscout_worker;
grant select, insert, update (label, modes, search_kinds, filters, handles, announced_at, state, reason, until, prober,
    changed_at, resumed_at) on platform_states to creatorscout_worker;
grant insert on dead_letters to creatorscout_worker;

-- An operator stops and resumes a platform.
grant update (state, reason, until, prober, changed_at, resumed_at) on platform_states to creatorscout_operator;
