-- Which of these reactions are there, by their places.
select wanted.place
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) with ordinality as wanted (channel_id, message_id, emoji, user_id, place)
cross join lateral (
    select from reactions r
    where r.channel_id = wanted.channel_id and r.message_id = wanted.message_id and r.emoji = wanted.emoji and r.user_id = wanted.user_id
    limit 1
) there
