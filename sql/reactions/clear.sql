-- All reactions to each message, or those with its emoji; `offset 0` keeps it to a probe for each.
delete from reactions where ctid = any (array(
    select r.ctid
    from unnest($1::bigint[], $2::bigint[], $3::text[]) as gone (channel_id, message_id, emoji)
    cross join lateral (
        select ctid from reactions
        where channel_id = gone.channel_id and message_id = gone.message_id and (gone.emoji is null or emoji = gone.emoji)
        offset 0
    ) r
))
