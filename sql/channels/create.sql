insert into channels (server_id, name, description) values ($1, $2, $3)
returning id, name, description, server_id, created_at, updated_at
