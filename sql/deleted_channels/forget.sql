-- Nothing is left of the channel. (The order keeps the last look to the key that begins with the channel.)
delete from deleted_channels
where channel_id = $1
    and not exists (select from messages where channel_id = $1)
    and not exists (select from channel_changes where channel_id = $1)
    and not exists (select from reactions where channel_id = $1)
    and (select seq from message_revisions where channel_id = $1 order by message_id, seq limit 1) is null
