-- A commit of nothing: when it is answered, so is the commit of everything that can be seen now, on disk and on whichever standby
-- commits wait for. What can be seen before that may still be lost in a failover.
select pg_logical_emit_message(true, 'madang', 'barrier'), current_setting('transaction_read_only') = 'on' as is_read_only
