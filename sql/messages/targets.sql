-- The messages that changes are about, as they are, deleted ones too; those of another channel do not come. The text comes where it is
-- needed ($3).
select m.id, case when wanted.needs_text then m.content else '' end as content, m.author_id, u.username, m.nonce, m.reply_to, m.seq,
    m.created_at, m.updated_at, m.edited_at,
    m.channel_id, m.deleted_at is not null as is_deleted, m.pinned_at is not null as is_pinned, m.reactions::text as reactions
from unnest($1::bigint[], $2::bigint[], $3::boolean[]) as wanted (channel_id, id, needs_text)
cross join lateral (select * from messages where id = wanted.id and channel_id = wanted.channel_id limit 1) m
cross join lateral (select username from users where id = m.author_id limit 1) u
