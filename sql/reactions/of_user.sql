-- One user's reactions among the next $6 of all, after one of them; the last row says how far that goes. No index is kept for what is asked
-- so rarely. Those in a deleted channel are among the $6, and are not shown (as in `messages/written_by.sql`).
with part as materialized (
    select channel_id, message_id, emoji, user_id, created_at
    from reactions
    where (channel_id, message_id, emoji, user_id) > ($2, $3, $4, $5)
    order by channel_id, message_id, emoji, user_id
    limit $6
)
select p.channel_id, p.message_id, p.emoji, p.user_id, p.created_at, true as is_own
from part p
cross join lateral (select from channels where id = p.channel_id and last_seq >= 0 limit 1) c
where p.user_id = $1
union all
(
    select channel_id, message_id, emoji, user_id, created_at, false from part
    order by channel_id desc, message_id desc, emoji desc, user_id desc limit 1
)
