-- For whom a change of the schema may wait: who holds the lock $1, or one on anything of this schema.
select a.pid, a.usename::text as role, a.application_name, host(a.client_addr) as address
from pg_stat_activity a
where a.pid <> pg_backend_pid() and a.backend_type = 'client backend' and exists (
    select from pg_locks l
    where l.pid = a.pid and l.granted and l.database = (select oid from pg_database where datname = current_database())
        and (
            (l.locktype = 'advisory' and l.objsubid = 1
                and l.classid = ($1::bigint >> 32)::oid and l.objid = ($1::bigint & 4294967295)::oid)
            or (select relnamespace from pg_class where oid = l.relation) = current_schema()::regnamespace
        )
)
