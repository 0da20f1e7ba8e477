-- Locks the rows of channels ($1), which orders their logs and keeps them there (no constraint does), and of those who write there ($2). No lock is waited for: what somebody else
-- holds comes as `is_held`, what is gone (an erased account, too) not at all. With each channel comes how far its log goes; the time is that
-- of the numbering, under the lock.
with channel as materialized (
    select id, last_seq from channels where id = any ($1) for no key update skip locked
), author as materialized (
    select id from users where id = any ($2) and deleted_at is null for key share skip locked
)
select true as is_channel, c.id, l.last_seq, l.id is null as is_held, clock_timestamp() as at
from unnest($1::bigint[]) as wanted (id)
cross join lateral (select id from channels where id = wanted.id limit 1) c
left join channel l on l.id = c.id
union all
select false, u.id, null, a.id is null, clock_timestamp()
from unnest($2::bigint[]) as wanted (id)
cross join lateral (select id from users where id = wanted.id and deleted_at is null limit 1) u
left join author a on a.id = u.id
