-- A page of a server's members reads as many rows as it shows. The narrower index, user_servers_server_id_idx, goes with a later version: to
-- drop it waits for whoever reads the table, and keeps those who come after it waiting.
create index user_servers_members_idx on user_servers (server_id, user_id);

-- As in V5; and whoever erases an account is told which servers it has left by that, those included that it joined at the same moment.
create or replace function forget_user() returns trigger language plpgsql as $$
declare
    left_servers bigint[];
begin
    -- After this wait the statements below see what has been committed meanwhile.
    perform from users where id = new.id for update;
    delete from auth_sessions where user_id = new.id;
    with gone as (delete from user_servers where user_id = new.id returning server_id)
    select array_agg(server_id) into left_servers from gone;
    perform set_config('madang.left_servers', coalesce(left_servers, '{}')::text, true);
    return new;
end $$;
