-- `offset 0` keeps it to a probe for each message.
delete from message_revisions where ctid = any (array(
    select r.ctid
    from unnest($1::bigint[], $2::bigint[]) as gone (channel_id, message_id)
    cross join lateral (
        select ctid from message_revisions where channel_id = gone.channel_id and message_id = gone.message_id offset 0
    ) r
))
