-- The servers that a user belongs to, and since when.
select s.id, s.name, s.description, s.icon_url, s.owner_id, s.created_at, s.updated_at, m.joined_at
from user_servers m
cross join lateral (
    select id, name, description, icon_url, owner_id, created_at, updated_at from servers where id = m.server_id limit 1
) s
where m.user_id = $1
order by s.id
