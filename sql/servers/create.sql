with made as (
    insert into servers (name, description, icon_url, owner_id) values ($2, $3, $4, $1)
    returning id, name, description, icon_url, owner_id, created_at, updated_at
), joined as (
    insert into user_servers (user_id, server_id) select owner_id, id from made
)
select id, name, description, icon_url, owner_id, created_at, updated_at from made
