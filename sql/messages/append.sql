-- One batch, one transaction. The channels' rows are locked in id order before anything is numbered, so writers cannot
-- deadlock, commit order is seq order, and (the identity being drawn under the lock) so is id order within a channel.
with draft as (
    select * from unnest($3::bigint[], $4::bigint[], $5::text[])
        with ordinality as d (channel_id, author_id, content, place)
), locked as materialized (
    select id from channels where id = any ($3) order by id for no key update
), raised as (
    update channels set last_seq = last_seq + batch.size
    from (select channel_id, count(*) as size from draft group by channel_id) batch
    join locked on locked.id = batch.channel_id
    where channels.id = batch.channel_id
    returning channels.id, channels.last_seq - batch.size as base, channels.last_seq
), noted as (
    insert into write_batches (node, number, channel_ids, first_seqs, last_seqs)
    select $1, $2, coalesce(array_agg(id), '{}'), coalesce(array_agg(base + 1), '{}'), coalesce(array_agg(last_seq), '{}')
    from raised
)
insert into messages (channel_id, author_id, content, seq, created_at, updated_at)
select d.channel_id, d.author_id, d.content,
    r.base + row_number() over (partition by d.channel_id order by d.place), now(), now()
from draft d join raised r on r.id = d.channel_id
order by d.place
returning id, channel_id, seq, created_at
