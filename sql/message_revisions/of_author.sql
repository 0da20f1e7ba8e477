-- The earlier texts of one user's messages, after one of them.
select channel_id, message_id, seq, content, written_at, replaced_at
from message_revisions
where author_id = $1 and (channel_id, message_id, seq) > ($2, $3, $4)
order by channel_id, message_id, seq
limit $5
