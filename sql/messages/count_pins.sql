select wanted.id, (select count(*) from messages m where m.channel_id = wanted.id and m.pinned_at is not null) as pins
from unnest($1::bigint[]) as wanted (id)
