-- Ends what serves the connections of an earlier node: those of the same role to the same database, by the names ($1) that ours
-- have. A row for each that is not gone yet.
select pid, pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and usename = current_user and application_name = any ($1) and pid <> pg_backend_pid()
