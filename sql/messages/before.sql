select m.id, m.content, m.author_id, u.username, m.nonce, m.reply_to, m.seq, m.created_at, m.updated_at, m.edited_at,
    m.pinned_at is not null as is_pinned, m.reactions::text as reactions,
    case when m.reactions is not null then array(
        select emoji from reactions r where r.channel_id = m.channel_id and r.message_id = m.id and r.user_id = $4
    ) end as mine
from (
    select * from messages where channel_id = $1 and id < $3 and deleted_at is null order by id desc limit $2
) m
cross join lateral (select username from users where id = m.author_id limit 1) u
order by m.id
