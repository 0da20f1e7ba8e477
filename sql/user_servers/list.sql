select server_id from user_servers where user_id = $1
