-- Ends what earlier connections of this very node for its lock have left here: they may wait for a standby for ever. They have written
-- nothing, so nothing is shown by that. The one that holds the lock ($1) and waits is left: as long as it is there the node reads on.
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = current_setting('application_name') and usename = current_user and pid <> pg_backend_pid()
    and (wait_event is distinct from 'SyncRep' or pid <> all (array(
        select l.pid from pg_locks l
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
            and l.classid = ($1::bigint >> 32)::oid and l.objid = ($1::bigint & 4294967295)::oid
    )))
