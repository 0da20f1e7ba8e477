-- What a committed batch wrote, and the places of its drafts that it did not write; one row without a message if it
-- wrote none. A claim is no batch. A batch has at most 1,000 messages.
select b.is_claim, b.skipped, b.channel_ids, b.first_seqs, b.last_seqs, m.id, m.channel_id, m.seq, m.created_at, m.updated_at
from write_batches b
left join lateral unnest(b.channel_ids, b.first_seqs, b.last_seqs) as range (channel_id, first_seq, last_seq) on true
left join lateral (
    select * from messages
    where channel_id = range.channel_id and seq between range.first_seq and range.last_seq
    order by seq limit 1000
) m on true
where b.node = $1 and b.number = $2
order by m.channel_id, m.seq
