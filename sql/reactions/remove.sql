delete from reactions where ctid = any (array(
    select r.ctid
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) as gone (channel_id, message_id, emoji, user_id)
    cross join lateral (
        select ctid from reactions
        where channel_id = gone.channel_id and message_id = gone.message_id and emoji = gone.emoji and user_id = gone.user_id
        limit 1
    ) r
))
