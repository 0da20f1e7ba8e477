select username, password_version, kept_token from users where id = $1
