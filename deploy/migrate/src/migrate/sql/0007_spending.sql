-- A cap over all owners, and a switch that stops all spending.

-- What all jobs together were granted on a day (UTC), spent or still reserved: counted without a cap too, so that one
-- that comes in the middle of a day holds at once.
create table spending_days (
    day date primary key,
    credits_granted bigint not null default 0 check (credits_granted >= 0)
) with (fillfactor = 50);
insert into spending_days (day, credits_granted)
    select day, sum(credits_granted) from owner_days group by day having sum(credits_granted) > 0;

-- What the calls that began in a minute reserved; only while that is capped. The sweep removes old ones.
create table spending_minutes (
    minute timestamptz primary key,
    credits integer not null check (credits >= 0)
) with (fillfactor = 50);

-- How much of what a job may spend counts on `quota_day`: no day gets back more than it gave.
alter table jobs add column credits_of_day integer not null default 0 check (credits_of_day >= 0);
update jobs set credits_of_day = credits_granted - credits_spent where credits_granted > credits_spent;

-- What the gate looks at before each paid call. Whatever is stored of the switch but "allowed" stops.
create view spending with (security_invoker = true) as
    select
        coalesce((select value <> '"allowed"' from system_settings where category = 'api' and key = 'paid_calls'), false)
            as is_stopped,
        (select case when jsonb_typeof(value) = 'number' then value::integer end from system_settings
         where category = 'limits' and key = 'credits_per_minute') as minute_max,
        coalesce((select credits from spending_minutes where minute = date_trunc('minute', now(), 'UTC')), 0)
            as minute_credits,
        date_trunc('minute', now(), 'UTC') + interval '1 minute' as minute_ends_at;

-- The wall behind the gate: no row of the ledger, and so no call, once the switch is thrown, and none beyond the
-- minute's cap. The gate's own look is as old as its statement, which may have waited for the job's row; here a shared
-- lock is taken first, which who throws the switch takes alone, so that one of the two comes wholly before the other.
create function refuse_spending() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
declare
    the_spending spending;
begin
    perform pg_advisory_xact_lock_shared(4201976003);
    select * into the_spending from spending;
    if the_spending.is_stopped then
        raise exception 'paid calls are stopped' using errcode = 'CS001';
    end if;
    if the_spending.minute_max is not null then
        insert into spending_minutes (minute, credits)
        select date_trunc('minute', now(), 'UTC'), new.credits_reserved
        where new.credits_reserved <= the_spending.minute_max
        on conflict (minute) do update set credits = spending_minutes.credits + excluded.credits
            where spending_minutes.credits + excluded.credits <= the_spending.minute_max;
        if not found then
            raise exception 'the credits of this minute are used up' using errcode = 'CS002';
        end if;
    end if;
    return new;
end $$;
create trigger upstream_calls_spending before insert on upstream_calls
    for each row when (new.status = 'open') execute function refuse_spending();

create function throw_switch() returns trigger language plpgsql
    set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_advisory_xact_lock(4201976003);
    return coalesce(new, old);
end $$;
create trigger system_settings_switch before insert or update on system_settings
    for each row when (new.category = 'api' and new.key = 'paid_calls') execute function throw_switch();
create trigger system_settings_switch_back before delete on system_settings
    for each row when (old.category = 'api' and old.key = 'paid_calls') execute function throw_switch();

-- None of this is one owner's, so there are no policies: only what each service's statements need.
grant select on spending, spending_minutes
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant select, insert, update (credits_granted) on spending_days
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant update (credits_of_day) on jobs
    to creatorscout_gateway, creatorscout_webhook, creatorscout_worker, creatorscout_operator;
grant insert, update (credits) on spending_minutes to creatorscout_worker;
grant delete on spending_minutes to creatorscout_webhook;
