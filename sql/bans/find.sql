select b.user_id, u.username, b.reason, b.banned_by, b.created_at
from (select user_id, reason, banned_by, created_at from bans where server_id = $1 and user_id = $2 limit 1) b
cross join lateral (select username from users where id = b.user_id limit 1) u
