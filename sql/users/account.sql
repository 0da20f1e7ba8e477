select username, password_version, kept_token,
    array(
        select s.id from auth_sessions s
        where s.user_id = users.id and s.password_version = users.password_version
        order by s.id + 0
    ) as sessions
from users where id = $1 and deleted_at is null
