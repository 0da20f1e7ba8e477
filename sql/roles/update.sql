update roles
set name = coalesce($3, name), color = case when $4 then $5 else color end, hoist = coalesce($6, hoist),
    mentionable = coalesce($7, mentionable), permissions = (permissions | $8) & ~$9::bigint, updated_at = now()
where server_id = $1 and id = $2
returning id, server_id, name, color, hoist, mentionable, position, permissions, is_default, created_at, updated_at
