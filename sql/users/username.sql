select username from users where id = $1
