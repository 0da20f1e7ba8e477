select s.id, s.name, s.description, s.icon_url, s.owner_id, s.created_at, s.updated_at
from user_servers m join servers s on s.id = m.server_id
where m.user_id = $1
order by s.id
