-- What writers ($1) have noted since their batches $2, in their order; at most $3 notes of each.
select b.node, b.number, b.prev, b.channel_ids, b.last_seqs
from unnest($1::bigint[], $2::bigint[]) as followed (node, last)
cross join lateral (
    select node, number, prev, channel_ids, last_seqs from write_batches
    where node = followed.node and number > followed.last and not is_claim
    order by number limit $3
) b
order by b.node, b.number
