-- Ends these processes; a row for each that is not gone yet.
select a.pid, a.backend_start, pg_terminate_backend(a.pid)
from unnest($1::integer[], $2::timestamptz[]) as wanted (pid, started_at)
join pg_stat_activity a on a.pid = wanted.pid and a.backend_start = wanted.started_at
