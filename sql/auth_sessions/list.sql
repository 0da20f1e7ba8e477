select id, user_agent, address, created_at, last_used_at, expires_at
from auth_sessions s
where user_id = $1 and expires_at > now() and password_version = (select password_version from users where id = $1)
order by id + 0
