-- Row-level security, and no more grants than a service needs (docs/decisions/0026-two-walls.md).
-- The gateway works in transactions that say for whom: `app.owner` holds the owner, or several with commas between, or
-- `*` for what administrators do. Without it the gateway sees no row and writes none.

-- The person on call has a role of their own.
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

-- Grants: table by table, and where rows are changed column by column, what the statements of each service need.
revoke all on all tables in schema public from creatorscout_gateway, creatorscout_webhook, creatorscout_worker;
grant usage on schema public to creatorscout_operator;
grant select on job_transitions, system_settings, platform_states, owners, owner_days, jobs, searches, steps,
    step_outcomes, candidates, upstream_calls
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;

-- Every service ends jobs, admits the next one and publishes steps; who the job is for and what it may cost stays.
grant update (created_at) on owners -- which locks a row, and changes nothing that anybody reads
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant insert, update (credits_granted) on owner_days
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (status, stop_reason, error, reference, event_seq, delivered_count, pending_count, reserve_count, progress,
    credits_reserved, credits_spent, credits_granted, quota_day, admitted_at, started_at, deadline_at, ended_at,
    updated_at) on jobs to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant insert, update (status, end_reason, ended_at) on searches
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant insert, update (phase, generation, token, lease_until, attempts, claimed_sequence, claims_count, due_at, done_at,
    published_generation, published_at, qstash_message_id, stream_sequence, delivered_at, redrives_count, sweeps_count)
    on steps to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant insert, update (count) on step_outcomes
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (outcome, rule, seq, enrichment, handle, name, followers, verified, has_email, likeness, details,
    assigned_search_id, assigned_step, delivered_at) on candidates
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant insert on job_events to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (status, reason, credits_charged, settled_at) on upstream_calls
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;

-- The gateway alone creates and deletes what is its callers'. It reads no profile and adds no creator.
grant insert on owners, jobs to creatorscout_gateway;
grant select on job_events, campaigns, dead_letters, idempotency_keys, setting_changes to creatorscout_gateway;
grant insert, update (name, archived_at, updated_at) on campaigns to creatorscout_gateway;
grant insert, update (answer) on idempotency_keys to creatorscout_gateway;
grant insert, update (value, description, updated_by, updated_at) on system_settings to creatorscout_gateway;
grant insert on setting_changes to creatorscout_gateway;
grant delete on jobs, campaigns, system_settings to creatorscout_gateway;
-- Another run of a job, and what was done with a letter.
grant update (run, target_results, pages_max, credits_max, queued_at, queue_until) on jobs
    to creatorscout_gateway, creatorscout_operator;
grant update (resolved_at, resolution, resolved_by) on dead_letters to creatorscout_gateway, creatorscout_operator;

-- The webhook alone keeps deliveries, and removes what expires.
grant select, insert, delete on qstash_deliveries to creatorscout_webhook;
grant select, delete on idempotency_keys to creatorscout_webhook;
grant insert on dead_letters to creatorscout_webhook, creatorscout_worker;
grant update (http_status, milliseconds, bytes) on upstream_calls to creatorscout_webhook, creatorscout_worker;
grant update (pages_count) on jobs to creatorscout_webhook, creatorscout_worker;
grant select, update (claimed_by, claimed_until) on profiles to creatorscout_webhook, creatorscout_worker;

-- The workers alone write what was found, and open calls.
grant insert on candidates, upstream_calls to creatorscout_worker;
grant update (calls_count, target) on jobs to creatorscout_worker;
grant update (barren_pages, pages_count) on searches to creatorscout_worker;
grant update (items_count, item_ids, paged_at) on steps to creatorscout_worker;
grant insert, update (status, account, fetched_at) on profiles to creatorscout_worker;
grant insert, update (label, modes, search_kinds, filters, handles, announced_at) on platform_states
    to creatorscout_worker;
grant update (state, reason, until, changed_at, prober, resumed_at) on platform_states
    to creatorscout_worker, creatorscout_operator;

grant select on job_events, dead_letters, setting_changes to creatorscout_operator;
grant insert, delete, update (value, description, updated_by, updated_at) on system_settings to creatorscout_operator;
grant insert on setting_changes to creatorscout_operator;

-- The second wall. A job's own tables follow the job: who does not see it sees nothing of it. That is asked with a
-- scalar subquery, one look at the job's key for each row, because Postgres likes to answer `exists` by reading all jobs.
do $$
declare
    of_owner constant text := $policy$
        (select current_setting('app.owner', true) = '*')
        or owner = any ((select string_to_array(current_setting('app.owner', true), ','))::text[])$policy$;
    of_job constant text := '(select true from jobs j where j.id = job_id)';
    of_letter constant text := $policy$
        (select current_setting('app.owner', true) = '*') or (select true from jobs j where j.id = job_id)$policy$;
    the_table text;
    whose text;
begin
    for the_table, whose in values
        ('owners', of_owner), ('owner_days', of_owner), ('campaigns', of_owner), ('jobs', of_owner),
        ('upstream_calls', of_owner), ('idempotency_keys', of_owner), ('searches', of_job), ('steps', of_job),
        ('step_outcomes', of_job), ('candidates', of_job), ('job_events', of_job), ('dead_letters', of_letter)
    loop
        execute format('alter table %I enable row level security', the_table);
        execute format('alter table %I force row level security', the_table);
        execute format('create policy gateway_serves_an_owner on %I to creatorscout_gateway using (%s) with check (%s)',
            the_table, whose, whose);
        -- They serve all owners: what binds them is what they are granted.
        execute format('create policy serves_all on %I to creatorscout_webhook, creatorscout_worker,
            creatorscout_operator using (true) with check (true)', the_table);
        -- Who owns the tables is bound, too: a later migration that changes rows would else change none, in silence.
        execute format('create policy migrates_all on %I to %I using (true) with check (true)', the_table, current_user);
    end loop;
end $$;

-- What a poll asks again and again, in one statement under the second wall: whether anything is new.
create function job_version(the_owner text, the_platform text, the_job uuid)
    returns table (event_seq bigint, status text) language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
begin
    perform set_config('app.owner', the_owner, true);
    return query select j.event_seq, j.status from public.jobs j
        where j.id = the_job and j.owner = the_owner and j.platform = the_platform;
end $$;
revoke execute on function job_version(text, text, uuid) from public;
grant execute on function job_version(text, text, uuid) to creatorscout_gateway;

-- Under row-level security a condition is an index condition only if it is leakproof: a comparison of a column is, one
-- of a negated column is not. So the orders by likeness and by followers are columns (docs/runbook.md: this rewrites
-- `candidates`).
alter table candidates
    add column likeness_rank real not null generated always as (coalesce(-likeness, 1::real)) stored,
    add column followers_rank bigint not null generated always as (coalesce(-followers, 1::bigint)) stored;
drop index candidates_by_likeness, candidates_by_followers;
create index candidates_by_likeness on candidates (job_id, likeness_rank, seq) where seq is not null;
create index candidates_by_followers on candidates (job_id, followers_rank, seq) where seq is not null;

-- The guard of the funnel counts what is there, whatever who commits may see.
alter function check_step_outcomes() security definer;
revoke execute on function check_step_outcomes() from public;
