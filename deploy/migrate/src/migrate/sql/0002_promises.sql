-- What keeps the promises whatever dies: runs of a job, the transitions that may follow an end, quotas, probes.

-- Runs. `retry` and `extend` start another run of a final job; everything else leaves a final job as it is.
alter table jobs
    add column run integer not null default 1 check (run >= 1),
    add column queued_at timestamptz not null default now(), -- the order of an owner's turn, anew with each run
    -- Reserved with the owner's quota: what is spent already and what this run may still spend before it asks for more.
    add column credits_granted integer not null default 0 check (credits_granted >= 0),
    add column quota_day date not null default (now() at time zone 'UTC')::date;
update jobs set queued_at = created_at, credits_granted = credits_spent + credits_reserved;

drop index jobs_active;
create index jobs_active on jobs (owner, queued_at, id) where status in ('pending', 'processing');
create index jobs_overdue on jobs (coalesce(deadline_at, queue_until)) where status in ('pending', 'processing');
create index jobs_unreleased on jobs (id) where ended_at is not null and credits_granted > credits_spent;

-- Transitions. `action` is what a transition out of an end needs: a new run, and for `extend` a higher target.
alter table job_transitions add column action text check (action in ('retry', 'extend'));
insert into job_transitions (from_status, to_status, action) values
    ('error', 'pending', 'retry'), ('timeout', 'pending', 'retry'), ('completed', 'pending', 'extend');

create or replace function refuse_illegal_transition() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
declare
    the_action text;
begin
    select action into the_action from job_transitions where from_status = old.status and to_status = new.status;
    if not found then
        raise exception 'illegal transition of a job: % to %', old.status, new.status using errcode = 'check_violation';
    end if;
    if new.run <> old.run + (the_action is not null)::int then
        raise exception 'a job starts another run only out of an end' using errcode = 'check_violation';
    end if;
    if the_action = 'extend' and new.target_results <= old.target_results then
        raise exception 'an extended job needs a higher target' using errcode = 'check_violation';
    end if;
    return new;
end $$;

-- A job begins as pending, and between two transitions its end does not move.
create function refuse_born_late() returns trigger language plpgsql as $$
begin
    if new.status <> 'pending' or new.run <> 1 or new.delivered_count <> 0 then
        raise exception 'a job begins as pending' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger jobs_begin before insert on jobs for each row execute function refuse_born_late();

create function refuse_change_of_final() returns trigger language plpgsql as $$
begin
    if (new.run, new.target_results, new.stop_reason, new.error, new.ended_at, new.progress, new.delivered_count,
            new.pending_count, new.reserve_count, new.admitted_at, new.started_at, new.deadline_at)
       is distinct from
       (old.run, old.target_results, old.stop_reason, old.error, old.ended_at, old.progress, old.delivered_count,
            old.pending_count, old.reserve_count, old.admitted_at, old.started_at, old.deadline_at) then
        raise exception 'a final job does not change' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger jobs_final before update on jobs for each row
    when (old.status = new.status and old.status in ('completed', 'error', 'timeout', 'cancelled'))
    execute function refuse_change_of_final();

create function refuse_change_of_run() returns trigger language plpgsql as $$
begin
    raise exception 'a job starts another run only out of an end' using errcode = 'check_violation';
end $$;
create trigger jobs_run before update of run on jobs for each row
    when (old.status = new.status and old.run <> new.run) execute function refuse_change_of_run();

-- Quota: what an owner's jobs were granted on a day, spent or still reserved.
create table owner_days (
    owner text not null references owners,
    day date not null,
    credits_granted integer not null default 0 check (credits_granted >= 0),
    primary key (owner, day)
);

-- After a pause one process may try one call; `resumed_at` is when it went well, and pulling grows from there.
alter table platform_states
    add column prober uuid,
    add column resumed_at timestamptz;

create index profiles_claimed on profiles (claimed_by) where claimed_by is not null;
create index upstream_calls_stale on upstream_calls (opened_at) where status = 'open';

-- Dead letters: what an operator did with them.
alter table dead_letters add column resolved_by text;
alter table dead_letters add constraint dead_letters_resolved
    check ((resolved_at is null) = (resolution is null) and (resolution is null or resolution in ('redriven', 'discarded', 'retried')));
create index dead_letters_open on dead_letters (id) where resolved_at is null;
create index dead_letters_by_job on dead_letters (job_id) where resolved_at is null;
