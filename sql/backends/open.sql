-- What has to be known of a fresh connection before it is used: who serves it, whether the node's lock ($1) is held here by $2, who
-- began at $3, and which history this database has: another one after a failover (a timeline) or a restore (a cluster).
select own.pid, own.backend_start,
    exists (
        select from pg_locks l join pg_stat_activity holder on holder.pid = l.pid
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
            and l.classid = ($1::bigint >> 32)::oid and l.objid = ($1::bigint & 4294967295)::oid
            and l.database = d.oid and holder.pid = $2::integer and holder.backend_start = $3::timestamptz
    ) as is_locked,
    (select system_identifier from pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || d.oid as history
from pg_stat_activity own, pg_database d
where own.pid = pg_backend_pid() and d.datname = current_database()
