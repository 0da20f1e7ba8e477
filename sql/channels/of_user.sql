-- The channels of a user's servers with how far their logs go, oldest server first.
select c.id, c.name, c.description, c.server_id, c.created_at, c.updated_at, c.last_seq
from user_servers m join channels c on c.server_id = m.server_id
where m.user_id = $1
order by c.server_id, c.id
limit $2
