insert into users (username, email, hashed_password, display_name, looks)
values ($1, $2, $3, $1, $4)
returning id, username, email, display_name, bio, avatar_url, created_at, updated_at
