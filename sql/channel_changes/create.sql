-- A batch's entries, in its note of the writers' ledger as well, and how far the logs of its channels ($3) go with them ($5). $15 is the writer's
-- batch before.
with raised as (
    update channels set last_seq = batch.last_seq
    from unnest($3::bigint[], $5::bigint[]) as batch (channel_id, last_seq)
    where channels.id = any ($3) and channels.id = batch.channel_id
), noted as (
    insert into write_batches (node, number, prev, channel_ids, first_seqs, last_seqs, skipped)
    values ($1, $2, $15, $3, $4, $5, $6)
)
insert into channel_changes (channel_id, seq, kind, message_id, message_ids, user_id, emoji, created_at)
select n.channel_id, n.seq, n.kind, n.message_id, n.message_ids::bigint[], n.user_id, n.emoji, $7
from unnest($8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::bigint[], $14::text[])
    as n (channel_id, seq, kind, message_id, message_ids, user_id, emoji)
