select id, username, email, display_name, bio, avatar_url, created_at, updated_at from users
where id = $1 and deleted_at is null
