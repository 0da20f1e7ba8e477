select m.id, m.content, m.author_id, u.username, m.nonce, m.reply_to, m.seq, m.created_at, m.updated_at
from (
    select * from messages where channel_id = $1 and id > $3 and deleted_at is null order by id limit $2
) m
cross join lateral (select username from users where id = m.author_id limit 1) u
order by m.id
