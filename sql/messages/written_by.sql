-- What one user has written, among a range of ids: no index is kept for what is asked so rarely. What a deleted channel has left is about to
-- be removed, and is not shown (`last_seq` keeps that to a probe of the channels' own key: another index has the id further behind).
select m.id, m.content, m.author_id, u.username, m.nonce, m.reply_to, m.seq, m.created_at, m.updated_at, m.edited_at, m.channel_id
from messages m
cross join lateral (select from channels where id = m.channel_id and last_seq >= 0 limit 1) c
cross join lateral (select username from users where id = m.author_id limit 1) u
where m.id > $2 and m.id <= $3 and m.author_id = $1 and m.deleted_at is null
order by m.id
limit $4
