-- A change by who was known at this password and by this session ($10), unless either has ended since. A new password voids the
-- tokens of the old one, but for the one that changed it, and ends all other sessions: those that are not seen here, because
-- they began at this moment, belong to the old password.
with changed as (
    update users set
        display_name = case when $2 then $3 else display_name end,
        bio = case when $4 then $5 else bio end,
        avatar_url = case when $6 then $7 else avatar_url end,
        hashed_password = coalesce($8, hashed_password),
        password_version = case when $8 is null then password_version else password_version + 1 end,
        kept_token = case when $8 is null then kept_token else $9 end,
        email = coalesce($11, email),
        updated_at = now()
    where id = $1 and deleted_at is null and password_version = $12
        and ($10::bigint is null or exists (select from auth_sessions where id = $10))
    returning id, username, email, display_name, bio, avatar_url, created_at, updated_at
), ended as (
    delete from auth_sessions
    where $8::text is not null and user_id = (select id from changed) and id is distinct from $10
), kept as (
    update auth_sessions set password_version = password_version + 1
    where $8::text is not null and user_id = (select id from changed) and id = $10
)
select id, username, email, display_name, bio, avatar_url, created_at, updated_at from changed
