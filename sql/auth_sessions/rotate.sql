-- A refresh token is used: once. Who comes second waits for the first, and then finds another one in its place. A session
-- lasts from use to use, and a year at most.
update auth_sessions set
    token_hash = $3,
    last_used_at = now(),
    expires_at = least(now() + make_interval(secs => $4), created_at + interval '365 days')
where token_family = $1 and token_hash = $2 and expires_at > now()
    and password_version = (select u.password_version from users u where u.id = auth_sessions.user_id and u.deleted_at is null)
returning id, user_id, password_version, created_at, expires_at
