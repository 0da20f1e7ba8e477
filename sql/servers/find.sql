select id, name, description, icon_url, owner_id, created_at, updated_at from servers where id = $1
