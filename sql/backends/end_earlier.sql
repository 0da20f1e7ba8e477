-- Ends what serves the connections of an earlier node: those to the same database, by the names ($1) that ours have, of whichever role.
-- A row for each that is not gone yet.
select pid, pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = any ($1) and pid <> pg_backend_pid()
