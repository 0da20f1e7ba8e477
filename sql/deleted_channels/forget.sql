-- Nothing is left of the channel.
delete from deleted_channels
where channel_id = $1
    and not exists (select from messages where channel_id = $1)
    and not exists (select from channel_changes where channel_id = $1)
    and not exists (select from reactions where channel_id = $1)
    and not exists (select from message_revisions where channel_id = $1)
