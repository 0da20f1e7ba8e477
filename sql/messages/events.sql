-- Up to $3 entries of the log after $2, oldest first, but no more than one beyond $4 bytes of content, and how far the log goes; one
-- row without an entry if there are none. An edit or a deletion comes with the message as it is now.
select e.id, e.content, e.author_id, u.username, e.nonce, e.reply_to, e.seq, e.created_at, e.updated_at, e.edited_at,
    e.entry_seq, e.kind, e.message_id, e.message_ids, e.user_id, e.emoji, e.is_deleted, c.last_seq
from channels c
left join lateral (
    select * from (
        select *, coalesce(sum(octet_length(content)) over (
            order by entry_seq rows between unbounded preceding and 1 preceding
        ), 0) as bytes_before
        from (
            (
                select id, content, author_id, nonce, reply_to, seq, created_at, updated_at, edited_at,
                    seq as entry_seq, null::text as kind, id as message_id, null::bigint[] as message_ids, null::bigint as user_id,
                    null::text as emoji, deleted_at is not null as is_deleted
                from messages where channel_id = c.id and seq > $2 order by seq limit $3
            )
            union all
            (
                select m.id, m.content, m.author_id, m.nonce, m.reply_to, m.seq, m.created_at, m.updated_at, m.edited_at,
                    g.seq, g.kind, g.message_id, g.message_ids, g.user_id, g.emoji, m.deleted_at is not null
                from channel_changes g
                left join lateral (
                    select * from messages where id = g.message_id and g.kind in ('message.updated', 'message.deleted') limit 1
                ) m on true
                where g.channel_id = c.id and g.seq > $2 order by g.seq limit $3
            )
        ) both_kinds
        order by entry_seq limit $3
    ) measured where bytes_before < $4::bigint
) e on true
left join lateral (select username from users where id = e.author_id limit 1) u on true
where c.id = $1
order by e.entry_seq
