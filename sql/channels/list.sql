select id, name, description, server_id, created_at, updated_at, last_seq from channels where server_id = $1 order by id
