-- Only the owner of the moment hands over: $2 to $3.
update servers set owner_id = $3, updated_at = now() where id = $1 and owner_id = $2
returning id, name, description, icon_url, owner_id, created_at, updated_at
