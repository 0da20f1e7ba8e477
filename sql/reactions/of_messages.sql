-- Who has reacted with what to messages ($2) of a channel ($1): $3 of them.
select message_id, emoji, user_id from reactions where channel_id = $1 and message_id = any ($2) limit $3
