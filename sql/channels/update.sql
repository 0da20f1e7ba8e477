update channels set
    name = coalesce($2, name),
    description = case when $3 then $4 else description end,
    updated_at = now()
where id = $1
returning id, name, description, server_id, created_at, updated_at
