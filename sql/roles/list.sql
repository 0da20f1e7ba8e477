select id, server_id, name, color, hoist, mentionable, position, permissions, is_default, created_at, updated_at from roles where server_id = $1 order by id
