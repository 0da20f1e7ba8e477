-- The last $2 entries of the log, oldest first, and how far it goes; one row without a message if there are none.
select m.id, m.content, m.author_id, u.username, m.nonce, m.reply_to, m.seq, m.created_at, m.updated_at, c.last_seq
from channels c
left join messages m on m.channel_id = c.id and m.seq > c.last_seq - $2
left join lateral (select username from users where id = m.author_id limit 1) u on true
where c.id = $1
order by m.seq
