delete from bans where server_id = $1 and user_id = $2
