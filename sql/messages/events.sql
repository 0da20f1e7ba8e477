-- Up to $3 entries of the log after $2, oldest first, but no more than one beyond $4 bytes of content, and how far the log goes; one
-- row without a message if there are none.
select m.id, m.content, m.author_id, u.username, m.nonce, m.reply_to, m.seq, m.created_at, m.updated_at, c.last_seq
from channels c
left join lateral (
    select * from (
        select *, sum(octet_length(content)) over (order by seq) - octet_length(content) as bytes_before
        from messages where channel_id = c.id and seq > $2 order by seq limit $3
    ) measured where bytes_before < $4::bigint
) m on true
left join lateral (select username from users where id = m.author_id limit 1) u on true
where c.id = $1
order by m.seq
