create index concurrently jobs_by_target on jobs (lower(input ->> 'targetUsername'))
    where input ->> 'targetUsername' is not null;
