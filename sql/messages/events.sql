-- Up to $3 entries of the log after $2, oldest first, and how far the log goes; one row without a message if there are none.
select m.id, m.content, m.author_id, u.username, m.nonce, m.reply_to, m.seq, m.created_at, m.updated_at, c.last_seq
from channels c
left join lateral (
    select * from messages where channel_id = c.id and seq > $2 order by seq limit $3
) m on true
left join lateral (select username from users where id = m.author_id limit 1) u on true
where c.id = $1
order by m.seq
