-- What the API needs: tags, deletion, answers to be repeated, settings with history, usage that outlives its job.

alter table jobs add column tags text[] not null default '{}';

alter table campaigns add column archived_at timestamptz;

-- The first answer to a creation is given again to whoever repeats it, also when its job was deleted meanwhile.
alter table idempotency_keys
    add column answer text, -- the body; null: written before there were answers to repeat
    drop constraint idempotency_keys_job_id_fkey,
    add constraint idempotency_keys_job_id_fkey foreign key (job_id) references jobs on delete set null;
create index idempotency_keys_by_job on idempotency_keys (job_id) where job_id is not null;
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- The ledger outlives its job: what was spent stays spent. Hence it carries the owner, and no job has to be there.
-- The trigger fills in the owner, so that workers of the version before go on while this one is rolled out.
alter table upstream_calls add column owner text references owners;
update upstream_calls c set owner = j.owner from jobs j where j.id = c.job_id;
create function note_owner_of_call() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
begin
    select owner into new.owner from jobs where id = new.job_id;
    if not found then
        raise exception 'a call is made for a job' using errcode = 'foreign_key_violation';
    end if;
    return new;
end $$;
create trigger upstream_calls_owner before insert on upstream_calls
    for each row execute function note_owner_of_call();
alter table upstream_calls
    alter column owner set not null,
    drop constraint upstream_calls_job_id_fkey;
create index upstream_calls_by_owner on upstream_calls (owner, opened_at);

-- Deleting a job deletes all but its ledger; without this index each of its steps would look through all candidates.
create index candidates_by_step on candidates (search_id, step);

-- A job that runs is never lost, whoever deletes; nor is a call that is still to be settled.
create function refuse_loss_of_job() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.ended_at is null or old.credits_reserved > 0 then
        raise exception 'only a job that has ended, with all its calls settled, can be deleted'
            using errcode = 'check_violation';
    end if;
    return old;
end $$;
create trigger jobs_deletion before delete on jobs for each row execute function refuse_loss_of_job();

-- A job's creators, the most alike or those with the most followers first, unknown last: as one ascending number, so that
-- a page goes on from its place in the index. And a campaign's, each once over its jobs.
drop index candidates_by_likeness;
create index candidates_by_likeness on candidates (job_id, coalesce(-likeness, 1::real), seq) where seq is not null;
create index candidates_by_followers on candidates (job_id, coalesce(-followers, 1::bigint), seq) where seq is not null;
create index candidates_delivered on candidates (job_id, platform_id) include (seq, delivered_at) where seq is not null;

-- Who changed which dynamic setting, and when; a value of null is the default.
create table setting_changes (
    id uuid primary key,
    category text not null,
    key text not null,
    old_value jsonb,
    new_value jsonb,
    changed_by text not null,
    changed_at timestamptz not null default now()
);
create index setting_changes_by_key on setting_changes (category, key, id desc);

grant select, insert on setting_changes to creatorscout_gateway;
grant delete on jobs, campaigns, system_settings to creatorscout_gateway;
