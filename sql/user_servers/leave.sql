delete from user_servers where user_id = $1 and server_id = $2
