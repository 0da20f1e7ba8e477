-- One member of a server.
select m.user_id, u.username, u.display_name, u.avatar_url, m.joined_at, m.nickname, m.timeout_until,
    array(select role_id from member_roles where user_id = $1 and server_id = $2 order by role_id + 0) as role_ids
from (select user_id, joined_at, nickname, timeout_until from user_servers where user_id = $1 and server_id = $2 limit 1) m
cross join lateral (select username, display_name, avatar_url from users where id = m.user_id limit 1) u
