-- The process that serves this connection. A process id alone may be given out again.
select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()
