-- Ends what earlier connections of this very node for its lock have left here: they may wait for a standby for ever.
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = current_setting('application_name') and usename = current_user and pid <> pg_backend_pid()
