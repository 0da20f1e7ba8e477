-- What Madang asks of a database whose version and encoding (`version.sql`) are right, as it is here.
select current_setting('track_activities')::boolean as tracks_activities,
    pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') = 'on' as is_read_only,
    d.datcollate::text as locale, lower('Ä') = 'ä' as knows_letters,
    quote_ident(current_user) as role, quote_ident(current_database()) as database, quote_ident(current_schema()) as schema,
    coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create,
    (
        select quote_ident(c.relname) from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and not pg_has_role(c.relowner, 'usage')
            and c.relname in ('users', 'servers', 'channels', 'messages', 'refinery_schema_history')
        limit 1
    ) as foreign_table
from pg_database d
where d.datname = current_database()
