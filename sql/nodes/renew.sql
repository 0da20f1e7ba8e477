-- Says that a node ($1) lives, and that it has applied what has been changed up to $2; answers what has been changed since, at most $3
-- entries, in order, and when the last that it has applied was written: at another time, it is another one. It is a commit, so only a server that may
-- commit answers it, and what it shows is what that server has. One row without an entry where there is none; `is_registered` is false where the
-- node has been removed by another one.
with mine as (
    update nodes set applied = $2, beat = beat + 1 where id = $1 returning id
)
select exists (select from mine) as is_registered, (select written_at from rights where seq = $2) as applied_at,
    r.seq, r.kind, r.user_id, r.server_id, r.channel_id, r.role_id, r.origin, r.written_at
from (select 1) one
left join lateral (
    select seq, kind, user_id, server_id, channel_id, role_id, origin, written_at from rights where seq > $2 order by seq limit $3
) r on true
order by r.seq
