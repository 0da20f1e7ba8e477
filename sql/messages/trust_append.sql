-- The statements that append hold the rows of every channel and author that they name, so their constraints need not look
-- those up again, message by message. Only a superuser may ask for that, as PostgreSQL's own replication does; for others the constraints look.
select set_config('session_replication_role', 'replica', false) from pg_roles where rolname = current_user and rolsuper
