select id, username, hashed_password, password_version from users where id = $1 and deleted_at is null
