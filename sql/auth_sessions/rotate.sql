-- A refresh token is used: once. Who comes second waits for the first, and then finds another one in its place. A session
-- lasts from use to use, and a year at most. The account's row is held first: a change of the password is waited for, and then it is
-- seen by the next try.
with account as (
    select id, password_version from users
    where id = any (array(select user_id from auth_sessions where token_family = $1)) and deleted_at is null
    for share
)
update auth_sessions s set
    previous_hash = s.token_hash,
    token_hash = $3,
    last_used_at = now(),
    expires_at = least(now() + make_interval(secs => $4), created_at + interval '365 days')
from account
where s.token_family = $1 and s.token_hash = $2 and s.expires_at > now()
    and s.user_id = account.id and s.password_version = account.password_version
returning s.id, s.user_id, s.password_version, s.created_at, s.expires_at
