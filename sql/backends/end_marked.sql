-- Ends what serves the connections of a node that has been removed, by its mark ($1); one that waits for a standby is left alone: ended, it
-- would show everybody what no standby has. A row for each that is not gone yet.
select pid, case when wait_event is distinct from 'SyncRep' then pg_terminate_backend(pid) end from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and right(application_name, length($1)) = $1
