-- The first schema. Terms are those of docs/architecture.md. Ids are UUIDv7 minted by the services.
-- Lock order of every transaction: owner, job, search, step, candidates by id.

create table owners (
    owner text primary key check (owner ~ '^(org|user):[A-Za-z0-9_]{1,120}$'),
    created_at timestamptz not null default now()
);

create table campaigns (
    id uuid primary key,
    owner text not null references owners,
    name text not null check (char_length(name) between 1 and 200),
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (owner, id)
);

-- One table of transitions; the trigger below refuses every other change of status, whoever writes.
create table job_transitions (
    from_status text not null,
    to_status text not null,
    primary key (from_status, to_status)
);
insert into job_transitions (from_status, to_status) values
    ('pending', 'processing'), ('pending', 'error'), ('pending', 'timeout'), ('pending', 'cancelled'),
    ('processing', 'completed'), ('processing', 'error'), ('processing', 'timeout'), ('processing', 'cancelled');

create table jobs (
    id uuid primary key,
    owner text not null references owners,
    created_by text not null,
    campaign_id uuid,
    platform text not null,
    mode text not null check (mode in ('keyword', 'similar')),
    input jsonb not null,
    target_results integer not null check (target_results between 1 and 10000),

    -- the limits in force, fixed at creation
    pages_max integer not null check (pages_max > 0),
    credits_max integer not null check (credits_max > 0),
    parallel_searches_max integer not null check (parallel_searches_max > 0),
    timeout interval not null,
    delay_between_calls interval not null,

    status text not null default 'pending'
        check (status in ('pending', 'processing', 'completed', 'error', 'timeout', 'cancelled')),
    stop_reason text check (stop_reason in ('target_reached', 'exhausted', 'call_limit', 'credit_limit', 'deadline',
        'cancelled', 'target_not_found', 'target_private', 'failed')),
    error text,
    reference text,

    -- decided under the job's lock
    event_seq bigint not null default 0,
    delivered_count integer not null default 0 check (delivered_count between 0 and target_results),
    pending_count integer not null default 0 check (pending_count >= 0),
    reserve_count integer not null default 0 check (reserve_count >= 0),
    pages_count integer not null default 0 check (pages_count between 0 and pages_max),
    calls_count integer not null default 0 check (calls_count >= 0),
    credits_reserved integer not null default 0 check (credits_reserved >= 0),
    credits_spent integer not null default 0 check (credits_spent >= 0),
    progress real not null default 0 check (progress between 0 and 100),

    created_at timestamptz not null default now(),
    admitted_at timestamptz,
    started_at timestamptz,
    deadline_at timestamptz,
    queue_until timestamptz not null,
    ended_at timestamptz,
    updated_at timestamptz not null default now(),

    foreign key (owner, campaign_id) references campaigns (owner, id),
    check (delivered_count + pending_count <= target_results),
    check ((status in ('pending', 'processing')) = (ended_at is null)),
    check ((ended_at is null) = (stop_reason is null)),
    check (status <> 'completed' or progress = 100)
) with (fillfactor = 70);
create index jobs_by_owner on jobs (owner, id desc);
create index jobs_by_campaign on jobs (campaign_id, id desc) where campaign_id is not null;
create index jobs_active on jobs (owner, created_at) where status in ('pending', 'processing');

create function refuse_illegal_transition() returns trigger language plpgsql as $$
begin
    if new.status is distinct from old.status and not exists (
        select from job_transitions where from_status = old.status and to_status = new.status
    ) then
        raise exception 'illegal transition of a job: % to %', old.status, new.status using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger jobs_transition before update of status on jobs
    for each row when (new.status is distinct from old.status) execute function refuse_illegal_transition();

create table searches (
    id uuid primary key,
    job_id uuid not null references jobs on delete cascade,
    ordinal integer not null check (ordinal >= 0),
    kind text not null,
    query text not null,
    region text,
    status text not null check (status in ('waiting', 'active', 'ended')),
    end_reason text check (end_reason in ('exhausted', 'cursor_stuck', 'repeated', 'nothing_new', 'call_limit',
        'credit_limit', 'deadline', 'refused', 'shape', 'not_found', 'failed', 'job_ended')),
    pages_count integer not null default 0,
    barren_pages integer not null default 0, -- pages in a row without a candidate new to the job
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    unique (job_id, ordinal),
    check ((status = 'ended') = (end_reason is not null))
);

create table steps (
    id uuid not null unique,
    search_id uuid not null references searches on delete cascade,
    step integer not null check (step >= 0),
    job_id uuid not null references jobs on delete cascade,
    generation integer not null default 0 check (generation >= 0),
    phase text not null check (phase in ('held', 'page', 'enrichment', 'done')),
    cursor text, -- what this step's page is asked with; null on the first page

    token uuid,
    lease_until timestamptz,
    attempts integer not null default 0 check (attempts >= 0),
    claimed_sequence bigint, -- stream sequence of the message that made the last claim
    claims_count integer not null default 0,

    published_generation integer,
    published_at timestamptz,
    qstash_message_id text,
    stream_sequence bigint, -- where the webhook put the last message of this step
    delivered_at timestamptz,
    redrives_count integer not null default 0, -- by failure callbacks
    sweeps_count integer not null default 0,   -- by the sweep: doubles the wait each time
    due_at timestamptz not null default now(),

    items_count integer check (items_count >= 0),
    item_ids text[],
    paged_at timestamptz,
    done_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (search_id, step),
    check ((phase in ('held', 'page')) = (items_count is null) or phase = 'done')
) with (fillfactor = 70);
create index steps_by_job on steps (job_id, step);
create index steps_open on steps (due_at) where phase in ('page', 'enrichment');

create table step_outcomes (
    search_id uuid not null,
    step integer not null,
    job_id uuid not null,
    outcome text not null check (outcome in ('delivered', 'duplicate', 'filtered', 'private', 'target_itself',
        'unparsable', 'seen_before', 'surplus', 'pending', 'reserve')),
    rule text not null default '',
    count integer not null check (count >= 0),
    primary key (search_id, step, outcome, rule),
    foreign key (search_id, step) references steps (search_id, step) on delete cascade
);
create index step_outcomes_by_job on step_outcomes (job_id);

-- The funnel adds up, or the transaction does not commit.
create function check_step_outcomes() returns trigger language plpgsql as $$
declare
    the_search uuid := coalesce(new.search_id, old.search_id);
    the_step integer := coalesce(new.step, old.step);
    seen integer;
    counted integer;
begin
    select coalesce(items_count, 0) into seen from steps where search_id = the_search and step = the_step;
    if not found then
        return null; -- the step went with its job
    end if;
    select coalesce(sum(count), 0) into counted from step_outcomes where search_id = the_search and step = the_step;
    if seen <> counted then
        raise exception 'outcomes of a step do not add up: % items, % outcomes', seen, counted
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger step_outcomes_add_up after insert or update or delete on step_outcomes
    deferrable initially deferred for each row execute function check_step_outcomes();
create constraint trigger steps_add_up after update of items_count on steps
    deferrable initially deferred for each row when (new.items_count is distinct from old.items_count)
    execute function check_step_outcomes();

create table candidates (
    job_id uuid not null references jobs on delete cascade,
    platform_id text not null,
    search_id uuid not null,
    step integer not null,
    ordinal integer not null, -- position on the page
    assigned_search_id uuid not null, -- the step that enriches it: its own, or the one that took it from the reserve
    assigned_step integer not null,
    outcome text not null check (outcome in ('delivered', 'filtered', 'private', 'seen_before', 'surplus', 'pending', 'reserve')),
    rule text,
    seq bigint,
    enrichment text check (enrichment in ('not_needed', 'bought', 'cached', 'not_found', 'failed', 'skipped')),
    handle text not null,
    name text,
    followers bigint check (followers >= 0),
    verified boolean,
    has_email boolean,
    likeness real,
    details jsonb not null, -- account, emails, video, hashtags
    created_at timestamptz not null default now(),
    delivered_at timestamptz,
    primary key (job_id, platform_id),
    foreign key (search_id, step) references steps (search_id, step) on delete cascade,
    check ((outcome = 'delivered') = (seq is not null)),
    check ((outcome = 'delivered') = (delivered_at is not null))
);
create unique index candidates_by_seq on candidates (job_id, seq) where seq is not null;
create index candidates_open on candidates (job_id, assigned_search_id, assigned_step) where outcome in ('pending', 'reserve');

create table job_events (
    job_id uuid not null references jobs on delete cascade,
    seq bigint not null,
    kind text not null,
    at timestamptz not null default now(),
    data jsonb not null default '{}',
    primary key (job_id, seq)
);

-- The ledger: one row per paid call, written before the call.
create table upstream_calls (
    id uuid primary key,
    job_id uuid not null references jobs on delete cascade,
    search_id uuid not null,
    step integer not null,
    platform text not null,
    token uuid not null,
    kind text not null check (kind in ('page', 'profile')),
    path text not null,
    fingerprint text not null,
    status text not null check (status in ('open', 'settled', 'unknown')),
    reason text, -- why it is not a plain 200
    http_status integer,
    credits_reserved integer not null check (credits_reserved >= 0),
    credits_charged integer check (credits_charged >= 0),
    milliseconds integer,
    bytes integer,
    opened_at timestamptz not null default now(),
    settled_at timestamptz,
    check ((status = 'open') = (settled_at is null)),
    check ((status = 'open') = (credits_charged is null))
);
create index upstream_calls_by_job on upstream_calls (job_id, id);
create index upstream_calls_open on upstream_calls (search_id, step) where status = 'open';

create table profiles (
    platform text not null,
    platform_id text not null,
    status text not null check (status in ('claimed', 'found', 'not_found', 'unreadable')),
    account jsonb,
    fetched_at timestamptz,
    claimed_by uuid,
    claimed_until timestamptz,
    primary key (platform, platform_id),
    check ((status = 'found') = (account is not null)),
    check (status = 'claimed' or fetched_at is not null)
);

-- What a platform can do (its worker writes it at start) and whether its upstream may be called.
create table platform_states (
    platform text primary key,
    label text not null,
    modes text[] not null,
    search_kinds text[] not null,
    announced_at timestamptz not null default now(),
    state text not null default 'open' check (state in ('open', 'cool_down', 'paused')),
    reason text,
    until timestamptz, -- null while paused means: until an operator resumes it
    changed_at timestamptz not null default now(),
    check ((state = 'open') = (reason is null)),
    check (state <> 'cool_down' or until is not null)
);

create table dead_letters (
    id uuid primary key,
    job_id uuid,
    search_id uuid,
    step integer,
    generation integer,
    reason text not null,
    details jsonb not null default '{}',
    created_at timestamptz not null default now(),
    resolved_at timestamptz,
    resolution text
);
create unique index dead_letters_once on dead_letters (search_id, step, generation, reason);

create table idempotency_keys (
    owner text not null references owners,
    key text not null,
    fingerprint text not null,
    job_id uuid references jobs on delete cascade,
    created_at timestamptz not null default now(),
    primary key (owner, key)
);

create table qstash_deliveries (
    jti text primary key,
    message_id text,
    received_at timestamptz not null default now()
);
create index qstash_deliveries_by_age on qstash_deliveries (received_at);

create table system_settings (
    category text not null,
    key text not null,
    value jsonb not null,
    description text,
    updated_by text,
    updated_at timestamptz not null default now(),
    primary key (category, key)
);
