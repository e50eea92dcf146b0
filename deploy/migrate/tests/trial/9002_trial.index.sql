create index concurrently trial_index on profiles (platform_id, status) include (trial);
