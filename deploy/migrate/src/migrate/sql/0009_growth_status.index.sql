create index concurrently jobs_by_status on jobs (owner, status, id desc);
