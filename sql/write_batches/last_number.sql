-- The last batch that each of these writers ($1) has noted; those that have noted none do not come.
select w.node, b.number
from unnest($1::bigint[]) as w (node)
cross join lateral (
    select number from write_batches where node = w.node and not is_claim order by number desc limit 1
) b
