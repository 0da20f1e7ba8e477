-- Ends what serves the connections of earlier nodes: those to the same database, by the names ($1) that ours have, of whichever role. A node
-- that shares the database has its mark behind the name; its connections are ended only where none of those is alive ($2). A row for each
-- that is not gone yet.
select pid, pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
    and case when $2 then regexp_replace(application_name, ' @[0-9a-f]+$', '') else application_name end = any ($1)
