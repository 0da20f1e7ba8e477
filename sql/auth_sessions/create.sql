-- A login: its session and first refresh token, unless the password has been changed since it was compared. Of too many sessions
-- of a user the oldest are ended (`auth_sessions_limit`). It also clears away a few of others' that are over; one that is
-- refreshed at this moment is not.
with over as (
    delete from auth_sessions where expires_at < now() and user_id <> $1 and id = any (array(
        select id from auth_sessions where expires_at < now() and user_id <> $1
        order by expires_at limit 100 for update skip locked
    ))
), known as (
    -- Held, so that the account is not erased meanwhile.
    select id, password_version from users where id = $1 and password_version = $2 and deleted_at is null for key share
)
insert into auth_sessions (user_id, password_version, user_agent, address, expires_at, token_family, token_hash)
select id, password_version, $3, $4, now() + make_interval(secs => $5), $6, $7 from known
returning id, expires_at
