-- The node's lock on its database, for as long as this connection lives.
select pg_try_advisory_lock($1)
