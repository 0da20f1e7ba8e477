-- What a user is in a server; no row where they do not belong to it.
select array(select role_id from member_roles where user_id = $1 and server_id = $2 order by role_id + 0) as role_ids, timeout_until
from user_servers where user_id = $1 and server_id = $2
