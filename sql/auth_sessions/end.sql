delete from auth_sessions where id = $1 and user_id = $2 returning token_family
