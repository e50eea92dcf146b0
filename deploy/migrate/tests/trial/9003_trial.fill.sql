update profiles set trial = 'filled'
where (platform, platform_id) in (
    select platform, platform_id from profiles where trial is null
    order by platform, platform_id limit %(batch)s for update skip locked);
