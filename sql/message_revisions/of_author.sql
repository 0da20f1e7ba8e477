-- The earlier texts of one user's messages, after one of them; none of a deleted channel (as in `messages/written_by.sql`).
select r.channel_id, r.message_id, r.seq, r.content, r.written_at, r.replaced_at
from message_revisions r
cross join lateral (select from channels where id = r.channel_id and last_seq >= 0 limit 1) c
where r.author_id = $1 and (r.channel_id, r.message_id, r.seq) > ($2, $3, $4)
order by r.channel_id, r.message_id, r.seq
limit $5
