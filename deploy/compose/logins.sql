-- The logins of the services, each in the group that `migrate` made, none of them the owner of anything. Safe to repeat:
-- what is there is set right, a password that was changed is taken over. The server itself reads the passwords, from the
-- folder that it has in common with who runs this; they are no argument of any process.
select format('create role %I', login)
from unnest(array['gateway', 'webhook', 'worker', 'operator']) as login
where not exists (select from pg_roles where rolname = login)
order by login
\gexec

select format(
    'alter role %I with login inherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls password %L',
    login, btrim(pg_read_file('/run/secrets/' || upper(login) || '_PASSWORD'), E' \r\n\t')
)
from unnest(array['gateway', 'webhook', 'worker', 'operator']) as login
order by login
\gexec

select format('grant %I to %I', 'creatorscout_' || login, login)
from unnest(array['gateway', 'webhook', 'worker', 'operator']) as login
order by login
\gexec
