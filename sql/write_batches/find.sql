select m.id, m.channel_id, m.seq, m.created_at
from write_batches b
cross join lateral unnest(b.channel_ids, b.first_seqs, b.last_seqs) as range (channel_id, first_seq, last_seq)
join messages m on m.channel_id = range.channel_id and m.seq between range.first_seq and range.last_seq
where b.node = $1 and b.number = $2
order by m.channel_id, m.seq
