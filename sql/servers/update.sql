update servers set
    name = coalesce($2, name),
    description = case when $3 then $4 else description end,
    icon_url = case when $5 then $6 else icon_url end,
    updated_at = now()
where id = $1
returning id, name, description, icon_url, owner_id, created_at, updated_at
