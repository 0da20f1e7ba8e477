-- Bans $2 from server $1, which ends the membership and says whether there was one (V17). Banned already, only the reason and who gives it
-- change; a reason that is left out stays.
with banned as (
    insert into bans (server_id, user_id, banned_by, reason) values ($1, $2, $3, $4)
    on conflict (server_id, user_id) do update set banned_by = excluded.banned_by, reason = coalesce(excluded.reason, bans.reason)
    returning user_id, banned_by, reason, created_at, current_setting('madang.has_left')::boolean as has_left
)
select b.user_id, u.username, b.reason, b.banned_by, b.created_at, b.has_left
from banned b
cross join lateral (select username from users where id = b.user_id limit 1) u
