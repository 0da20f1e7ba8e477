-- Who holds the lock $1 (one of those who share it), and when it last said something. `backend_start` is null where this role may not look at it, `state_change` also
-- where nobody keeps account of it (`track_activities`).
select a.pid, a.backend_start, a.usename::text as role, a.application_name, host(a.client_addr) as address, a.state_change
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.classid = ($1::bigint >> 32)::oid and l.objid = ($1::bigint & 4294967295)::oid
    and l.database = (select oid from pg_database where datname = current_database())
order by a.pid
limit 1
