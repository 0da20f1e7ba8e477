-- Ends these processes; a row for each that is not gone yet. One that waits for a standby is left alone: ended, it would show everybody
-- what no standby has.
select a.pid, a.backend_start, case when a.wait_event is distinct from 'SyncRep' then pg_terminate_backend(a.pid) end
from unnest($1::integer[], $2::timestamptz[]) as wanted (pid, started_at)
join pg_stat_activity a on a.pid = wanted.pid and a.backend_start = wanted.started_at
