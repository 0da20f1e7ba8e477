-- All of a user's but one.
delete from auth_sessions where user_id = $1 and id is distinct from $2
