-- A new role is the lowest but for the default one.
insert into roles (server_id, name, color, hoist, mentionable, position, permissions) values ($1, $2, $3, $4, $5, 1, $6)
returning id, server_id, name, color, hoist, mentionable, position, permissions, is_default, created_at, updated_at
