-- Data of people has an end: retention, deletion of an account, suppression prepared (docs/data-map.md).

-- A job's creators are removed a while after they were found. `creators_since`: none that the job holds was found before;
-- null: it holds none any more. A job of whose creators some were removed keeps its counts and starts no other run.
alter table jobs
    add column creators_since timestamptz default now(),
    add column creators_removed_at timestamptz, -- when the last of them were
    add column removed_count integer not null default 0 check (removed_count >= 0); -- how many of the delivered
update jobs set creators_since = created_at;
create index jobs_with_creators on jobs (creators_since) where ended_at is not null and creators_since is not null;

-- What a search that a step added asked for is read off people: it goes with them. Null: it went.
alter table searches alter column query drop not null;

-- A call's fingerprint is made of what was asked, which may be a handle: it goes with the job's creators, or the job.
update upstream_calls c set fingerprint = '' where not exists (select from jobs j where j.id = c.job_id);

-- Purges look for the oldest.
create index profiles_by_age on profiles (coalesce(fetched_at, claimed_until, '-infinity'));
create index dead_letters_by_age on dead_letters (resolved_at) where resolved_at is not null;
create index setting_changes_by_age on setting_changes (changed_at);
create index owner_days_by_age on owner_days (day);

-- The proof that purges run: one row for each class and day (UTC). `until`: what is older is gone, if `is_done`.
create table purges (
    class text not null check (class in ('results', 'profiles', 'dead_letters', 'setting_changes', 'owner_days')),
    day date not null,
    until timestamptz not null,
    rows bigint not null default 0 check (rows >= 0),
    is_done boolean not null,
    at timestamptz not null default now(),
    primary key (class, day)
);

-- The deletion of accounts. While it is under way it says whose; then it is the proof, of nobody. What has to outlive the
-- owner, the ledger, goes over to `user:<pseudonym>`, which is made up and leads back to nobody.
create table account_deletions (
    id uuid primary key,
    owner text,
    pseudonym text not null unique check (pseudonym ~ '^deleted_[0-9a-f]{32}$'),
    requested_at timestamptz not null default now(),
    done_at timestamptz,
    jobs_count integer not null default 0 check (jobs_count >= 0),
    check ((owner is null) = (done_at is not null))
);
create unique index account_deletions_open on account_deletions (owner) where owner is not null;

-- Whom a departing user's id stands beside in what is others'.
create index jobs_by_creator on jobs (created_by);
create index campaigns_by_creator on campaigns (created_by);

create function refuse_loss_of_owner() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
begin
    if not exists (select from account_deletions where owner = old.owner) then
        raise exception 'an owner goes only with the deletion of its account' using errcode = 'check_violation';
    end if;
    return old;
end $$;
create trigger owners_deletion before delete on owners for each row execute function refuse_loss_of_owner();

-- Who asked to be found no more: prepared, written and read by nothing yet (docs/decisions/0029). Keyed digests, so that
-- the list itself names nobody.
create table suppressions (
    id uuid primary key,
    kind text not null check (kind in ('email', 'account')),
    platform text,
    digest bytea not null check (octet_length(digest) = 32),
    reason text not null check (reason in ('erasure', 'objection')),
    created_at timestamptz not null default now(),
    check ((kind = 'account') = (platform is not null)),
    unique nulls not distinct (kind, platform, digest)
);

-- An operator finds a person by their handle, over all owners.
create index candidates_by_handle on candidates (lower(handle));
create index profiles_by_handle on profiles (platform, lower(account ->> 'handle')) where account is not null;

-- What the sweep removes when its time is over, or its owner goes; and what it changes where a row stays.
grant select, insert, update (until, rows, is_done, at) on purges to creatorscout_webhook;
grant select on purges to creatorscout_operator;
grant select, delete on profiles, dead_letters, setting_changes, campaigns to creatorscout_webhook;
grant delete on candidates, owner_days, jobs, owners to creatorscout_webhook;
grant insert on owners to creatorscout_webhook;
grant update (creators_since, creators_removed_at, removed_count, target, created_by) on jobs to creatorscout_webhook;
grant update (query) on searches to creatorscout_webhook;
grant update (item_ids, cursor) on steps to creatorscout_webhook;
grant update (fingerprint, owner) on upstream_calls to creatorscout_webhook;
grant update (created_by) on campaigns to creatorscout_webhook;
grant update (resolved_at, resolution, resolved_by) on dead_letters to creatorscout_webhook;
grant update (changed_by, old_value, new_value) on setting_changes to creatorscout_webhook;
grant update (value, updated_by) on system_settings to creatorscout_webhook;
-- Another run of a job; the questions of a job that its owner deletes.
grant update (creators_since) on jobs to creatorscout_gateway, creatorscout_operator;
grant update (fingerprint) on upstream_calls to creatorscout_gateway;
-- Who may ask for the deletion of an account, and who carries it out.
grant select, insert on account_deletions to creatorscout_gateway, creatorscout_operator;
grant select, update (owner, done_at, jobs_count) on account_deletions to creatorscout_webhook;
grant insert on owners to creatorscout_operator;
-- An operator looks for a person, and counts what will go.
grant select on profiles, campaigns to creatorscout_operator;

-- Tenants' data: for the gateway its owner's alone.
alter table account_deletions enable row level security;
alter table account_deletions force row level security;
create policy gateway_serves_an_owner on account_deletions to creatorscout_gateway
    using (owner = any ((select string_to_array(current_setting('app.owner', true), ','))::text[]))
    with check (owner = any ((select string_to_array(current_setting('app.owner', true), ','))::text[]));
create policy serves_all on account_deletions to creatorscout_webhook, creatorscout_operator
    using (true) with check (true);
do $$
begin
    execute format('create policy migrates_all on account_deletions to %I using (true) with check (true)',
        current_user);
end $$;
