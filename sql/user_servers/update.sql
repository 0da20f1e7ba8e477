-- Changes a member of a server: the nickname if $3, the end of the timeout if $5, the roles by those that are taken ($7) and given ($8).
with member as (
    update user_servers
    set nickname = case when $3 then $4 else nickname end, timeout_until = case when $5 then $6 else timeout_until end
    where user_id = $1 and server_id = $2
    returning user_id, joined_at, nickname, timeout_until
), taken as (
    delete from member_roles where user_id = $1 and server_id = $2 and role_id = any ($7::bigint[])
), given as (
    insert into member_roles (user_id, server_id, role_id)
    select user_id, $2, role_id from member, unnest($8::bigint[]) role_id
    on conflict do nothing
)
select m.user_id, u.username, u.display_name, u.avatar_url, m.joined_at, m.nickname, m.timeout_until,
    array(
        select role_id from (
            select role_id from member_roles where user_id = $1 and server_id = $2 union select unnest($8::bigint[])
        ) had
        where role_id <> all ($7::bigint[])
        order by role_id
    ) as role_ids
from member m
cross join lateral (select username, display_name, avatar_url from users where id = m.user_id limit 1) u
