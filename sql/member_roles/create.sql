insert into member_roles (user_id, server_id, role_id) values ($1, $2, $3) on conflict do nothing
