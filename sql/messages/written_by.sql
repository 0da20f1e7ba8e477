-- What one user has written, among a range of ids: no index is kept for what is asked so rarely.
select id, content, channel_id, author_id, nonce, reply_to, seq, created_at, updated_at
from messages where id > $2 and id <= $3 and author_id = $1 and deleted_at is null
order by id
limit $4
