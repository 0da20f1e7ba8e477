-- The statements that append hold the row of every author that they name, so the constraint need not look it up again, message by
-- message. Only a superuser may ask for that, as PostgreSQL's own replication does; for others the constraint looks.
select set_config('session_replication_role', 'replica', false) from pg_roles where rolname = current_user and rolsuper
