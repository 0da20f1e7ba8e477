-- A login: its session and first refresh token, unless the password has been changed since it was compared. It also clears
-- away a few sessions of anybody's that are over, and all but the newest of this user's (`id + 0`: never by walking the
-- primary key).
with over as (
    delete from auth_sessions where id = any (array(
        select id from auth_sessions where expires_at < now() order by expires_at limit 100
    ))
), too_many as (
    delete from auth_sessions where id = any (array(
        select id from auth_sessions where user_id = $1 order by id + 0 desc offset $8
    ))
    returning id
), known as (
    -- Held, so that the account is not erased meanwhile.
    select id, password_version from users where id = $1 and password_version = $2 and deleted_at is null for key share
), made as (
    insert into auth_sessions (user_id, password_version, user_agent, address, expires_at, token_family, token_hash)
    select id, password_version, $3, $4, now() + make_interval(secs => $5), $6, $7 from known
    returning id, expires_at
)
select id, expires_at, (select max(id) from too_many) as last_ended from made
