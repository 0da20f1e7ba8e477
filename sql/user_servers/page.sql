-- Members of a server by their ids, $3 of them after $2.
select part.user_id, u.username, u.display_name, u.avatar_url, part.joined_at, part.nickname, part.timeout_until,
    array(select role_id from member_roles where user_id = part.user_id and server_id = $1 order by role_id + 0) as role_ids
from (
    select user_id, joined_at, nickname, timeout_until from user_servers where server_id = $1 and user_id > $2 order by user_id limit $3
) part
cross join lateral (select username, display_name, avatar_url from users where id = part.user_id limit 1) u
order by part.user_id
