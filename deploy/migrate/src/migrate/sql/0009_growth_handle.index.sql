create index concurrently jobs_by_target_handle on jobs (lower(target #>> '{account,handle}')) where target is not null;
