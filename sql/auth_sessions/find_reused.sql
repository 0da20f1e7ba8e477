-- The session that a refresh token belongs to which has been used before: it has been stolen, before or now.
select id, user_id from auth_sessions where token_family = $1 and token_hash <> $2
