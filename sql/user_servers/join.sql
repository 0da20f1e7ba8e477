insert into user_servers (user_id, server_id) values ($1, $2)
