-- A row comes back if the batch has not committed, and from then on it never can: its own note would collide. If it is
-- still running, this waits for it.
insert into write_batches (node, number, channel_ids, first_seqs, last_seqs, is_claim) values ($1, $2, '{}', '{}', '{}', true)
on conflict (node, number) do nothing
returning number
