-- The roles as which the services connect, and the guards that their hand-made SQL could go round.
-- The roles are groups without login: an administrator makes each service's login a member of one (docs/runbook.md).

-- Roles belong to the cluster: the migration of another of its databases may be making them at this moment.
do $$
declare
    missing text[] := array(
        select role from unnest(array['creatorscout_gateway', 'creatorscout_webhook', 'creatorscout_worker']) role
        where not exists (select from pg_roles where rolname = role));
    the_role text;
begin
    foreach the_role in array missing loop
        begin
            execute format('create role %I nologin', the_role);
        exception
            when duplicate_object or unique_violation then
                null;
            when insufficient_privilege then
                raise exception 'its role may not create roles; an administrator has to create, without login, %',
                    array_to_string(missing, ', ') using errcode = 'insufficient_privilege';
        end;
    end loop;
end $$;

-- Grants. Later migrations grant what they add, table by table: there are no default privileges, so that nothing is
-- open by oversight. Nobody gets truncate, references or trigger; the transitions and the version are for reading.
grant usage on schema public to creatorscout_gateway, creatorscout_webhook, creatorscout_worker;
grant select on job_transitions, schema_version to creatorscout_gateway, creatorscout_webhook, creatorscout_worker;
grant select, insert, update on owners, owner_days, campaigns, jobs, searches, steps, step_outcomes, candidates,
    job_events, upstream_calls, profiles, platform_states, dead_letters, idempotency_keys, qstash_deliveries,
    system_settings to creatorscout_gateway, creatorscout_webhook, creatorscout_worker;
grant delete on idempotency_keys, qstash_deliveries to creatorscout_gateway, creatorscout_webhook, creatorscout_worker;

-- Nobody puts a table of their own before ours. Without the right to revoke, Postgres only warns: hence the look after.
do $$
begin
    execute format('revoke temporary on database %I from public', current_database());
    revoke create on schema public from public;
    if has_database_privilege('public', current_database(), 'temporary') then
        raise exception using errcode = 'insufficient_privilege', message = format(
            'its role does not own the database; an administrator has to revoke temporary on database %I from public',
            current_database());
    end if;
    if has_schema_privilege('public', 'public', 'create') then
        raise exception 'its role does not own the schema; an administrator has to revoke create on schema public from public'
            using errcode = 'insufficient_privilege';
    end if;
end $$;

-- And if somebody could, no guard would look there (refuse_illegal_transition has its path already).
alter function refuse_born_late() set search_path = pg_catalog, public, pg_temp;
alter function refuse_change_of_final() set search_path = pg_catalog, public, pg_temp;
alter function refuse_change_of_run() set search_path = pg_catalog, public, pg_temp;

-- The funnel adds up for a step that is written with its items at once too, and only its own job's outcomes count.
create or replace function check_step_outcomes() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
declare
    the_search uuid := coalesce(new.search_id, old.search_id);
    the_step integer := coalesce(new.step, old.step);
    the_job uuid;
    seen integer;
    counted integer;
begin
    select job_id, coalesce(items_count, 0) into the_job, seen from steps
    where search_id = the_search and step = the_step;
    if not found then
        return null; -- the step went with its job
    end if;
    select coalesce(sum(count), 0) into counted from step_outcomes
    where search_id = the_search and step = the_step and job_id = the_job;
    if seen <> counted then
        raise exception 'outcomes of a step do not add up: % items, % outcomes', seen, counted
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger steps_begin_adding_up after insert on steps
    deferrable initially deferred for each row when (new.items_count is not null)
    execute function check_step_outcomes();

-- Who exchanges the ids of two jobs has moved both to a status that no transition leads to; who moves an outcome to
-- another step leaves one behind that does not add up.
create function refuse_change_of_identity() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
begin
    raise exception 'a row of % keeps its identity', tg_table_name using errcode = 'check_violation';
end $$;
create trigger jobs_identity before update of id on jobs for each row
    when (old.id <> new.id) execute function refuse_change_of_identity();
create trigger steps_identity before update of search_id, step, job_id on steps for each row
    when ((old.search_id, old.step, old.job_id) <> (new.search_id, new.step, new.job_id))
    execute function refuse_change_of_identity();
create trigger step_outcomes_identity before update of search_id, step, job_id on step_outcomes for each row
    when ((old.search_id, old.step, old.job_id) <> (new.search_id, new.step, new.job_id))
    execute function refuse_change_of_identity();
