-- As `lock.sql`, beside other nodes that share the database.
select pg_try_advisory_lock_shared($1)
