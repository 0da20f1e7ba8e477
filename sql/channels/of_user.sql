-- The channels of a user's servers with how far their logs go, oldest server first.
select id, name, description, server_id, created_at, updated_at, last_seq
from channels
where server_id = any (array(select server_id from user_servers where user_id = $1))
order by server_id, id
limit $2
