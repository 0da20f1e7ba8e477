-- How far what has been changed goes, and how far each other node has applied it; one row without a node where there are no others.
select h.last_seq, n.id, n.applied
from rights_head h
left join lateral (select id, applied from nodes where id <> $1 order by id) n on true
where h.is_only
