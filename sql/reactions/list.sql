-- Those who have reacted to a message with an emoji, by their ids, $5 of them after $4; one row without a user if there are none, and no
-- row where there is no such message.
select r.user_id, r.username
from (select id, channel_id from messages where id = $2 and channel_id = $1 and deleted_at is null limit 1) m
left join lateral (
    select part.user_id, u.username
    from (
        select user_id from reactions
        where channel_id = m.channel_id and message_id = m.id and emoji = $3 and user_id > $4
        order by user_id limit $5
    ) part
    cross join lateral (select username from users where id = part.user_id limit 1) u
) r on true
order by r.user_id
