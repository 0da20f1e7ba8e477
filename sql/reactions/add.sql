insert into reactions (channel_id, message_id, emoji, user_id, created_at)
select n.*, $5 from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) as n (channel_id, message_id, emoji, user_id)
