select id, name, description, icon_url, owner_id, created_at, updated_at
from servers
where id = any (array(select server_id from user_servers where user_id = $1))
order by id
