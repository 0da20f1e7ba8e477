-- All that share the database, and what their clocks are compared with.
select id, origin, writers, applied, beat, protocol, key_proof, host, extract(epoch from clock_timestamp())::double precision as now_s
from nodes
order by id
