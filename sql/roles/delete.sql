delete from roles where server_id = $1 and id = $2 and not is_default
