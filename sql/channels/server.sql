select server_id from channels where id = $1
