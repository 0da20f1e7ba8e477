-- A refresh token that was used before is used again: it has been stolen, before or now, so its whole session ends.
delete from auth_sessions where id = (select session_id from refresh_tokens where token_hash = $1 and used_at is not null)
returning id, user_id
