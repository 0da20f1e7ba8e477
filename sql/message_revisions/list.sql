-- The earlier texts of a message, oldest first; one row without a text if there are none, and no row where there is no such message. Those
-- of an erased account are about to be erased, and are not shown.
select r.seq, r.content, r.written_at, r.replaced_at
from (select id, channel_id, author_id from messages where id = $2 and channel_id = $1 and deleted_at is null limit 1) m
left join lateral (select id from users where id = m.author_id and deleted_at is null limit 1) u on true
left join lateral (
    select seq, content, written_at, replaced_at from message_revisions
    where channel_id = m.channel_id and message_id = m.id and u.id is not null
    order by seq desc limit 100
) r on true
order by r.seq
