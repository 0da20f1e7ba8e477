-- Begins another epoch where this is another database than the one in which the last was begun.
update log_epoch set epoch = default, place = here.place
from (
    select (select system_identifier from pg_control_system()) || '/' || d.oid as place
    from pg_database d where d.datname = current_database()
) here
where is_only and log_epoch.place <> here.place
