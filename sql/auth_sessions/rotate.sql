-- A refresh token is used: once. Who comes second waits for the first, and then finds it used. A session lasts from use
-- to use, and a year at most.
with good as (
    select s.id
    from refresh_tokens t
    cross join lateral (select * from auth_sessions where id = t.session_id and expires_at > now() limit 1) s
    cross join lateral (
        select from users
        where id = s.user_id and password_version = s.password_version and deleted_at is null limit 1
    ) u
    where t.token_hash = $1
), used as (
    update refresh_tokens set used_at = now()
    where token_hash = $1 and used_at is null and session_id = (select id from good)
    returning session_id
), issued as (
    insert into refresh_tokens (token_hash, session_id) select $2, session_id from used
), forgotten as (
    delete from refresh_tokens where token_hash = any (array(
        select token_hash from refresh_tokens where session_id = (select session_id from used)
        order by issued_at desc offset 100
    ))
)
update auth_sessions set
    last_used_at = now(),
    expires_at = least(now() + make_interval(secs => $3), created_at + interval '365 days')
where id = (select session_id from used)
returning id, user_id, password_version, created_at
