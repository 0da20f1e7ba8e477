delete from member_roles where user_id = $1 and server_id = $2 and role_id = $3
