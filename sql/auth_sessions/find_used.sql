-- The session that a refresh token belongs to which has been used before. Whether that was a moment ago, and what was given out in its
-- place ($3, whichever it is) is the good one still: an answer was lost, or two use it at once. Otherwise it has been stolen, before or now.
select s.id, s.user_id, s.password_version, s.created_at, s.expires_at, s.token_hash,
    coalesce(s.previous_hash = $2 and s.token_hash = any ($3), false)
        and s.last_used_at > now() - make_interval(secs => $4) and s.expires_at > now()
        and exists (
            select from users u
            where u.id = s.user_id and u.deleted_at is null and u.password_version = s.password_version
        ) as is_recent
from auth_sessions s where s.token_family = $1 and s.token_hash <> $2
