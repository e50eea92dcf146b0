create index concurrently jobs_by_reference on jobs (reference) where reference is not null;
