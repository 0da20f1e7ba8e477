-- One batch, one transaction, all or nothing. No row comes back, and nothing is written, if a channel ($3) is gone or its row is
-- held, an author ($5) is gone, erased or held, a nonce is known, or a reply answers nothing: `append_each.sql` then says what is wrong with which.
-- The channels' rows are locked before anything is numbered, so commit order is seq order, and (the identity being drawn under
-- the lock) so is id order within a channel. No lock is waited for, so writers cannot deadlock. The authors' rows are locked as a
-- foreign key would: a message's author is there when it is, without the constraint's own look at each row. That its channel is there holds
-- by the lock alone, for no constraint says so.
-- The time is that of the numbering, under the lock: a transaction may have begun before the last one.
-- The plan is made once, perhaps on empty tables: `any` and `limit 1` keep it to index probes, whatever they grow to.
-- The drafts ($6 to $11) come with their rank among those of their channel, of which $4 is the number. $12 is the writer's batch before.
with locked as materialized (
    select id from channels where id = any ($3) for no key update skip locked
), authors as materialized (
    select id from users where id = any ($5) and deleted_at is null for key share skip locked
), raised as (
    update channels set last_seq = last_seq + batch.size
    from unnest($3::bigint[], $4::bigint[]) as batch (channel_id, size)
    where channels.id = any ($3) and channels.id = batch.channel_id
        and (select count(*) from locked) = cardinality($3)
        and (select count(*) from authors) = cardinality($5)
        and not exists (
            select from unnest($6::bigint[], $7::bigint[], $9::text[]) as d (channel_id, author_id, nonce)
            cross join lateral (
                select from messages m
                where m.channel_id = d.channel_id and m.author_id = d.author_id and m.nonce = d.nonce
                limit 1
            ) known
            where d.nonce is not null
        )
        and not exists (
            select from unnest($6::bigint[], $10::bigint[]) as d (channel_id, reply_to)
            left join lateral (
                select true as is_there from messages m
                where m.id = d.reply_to and m.channel_id = d.channel_id and m.deleted_at is null
                limit 1
            ) answered on true
            where d.reply_to is not null and is_there is null
        )
    returning channels.id, channels.last_seq - batch.size as base, channels.last_seq, clock_timestamp() as written_at
), noted as (
    insert into write_batches (node, number, prev, channel_ids, first_seqs, last_seqs)
    select $1, $2, $12, array_agg(id), array_agg(base + 1), array_agg(last_seq) from raised having count(*) > 0
)
insert into messages (channel_id, author_id, content, nonce, reply_to, seq, created_at, updated_at)
select d.channel_id, d.author_id, d.content, d.nonce, d.reply_to, r.base + d.rank, r.written_at, r.written_at
from unnest($6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::bigint[], $11::bigint[])
    with ordinality as d (channel_id, author_id, content, nonce, reply_to, rank, place)
join raised r on r.id = d.channel_id
order by d.place
returning id, channel_id, seq, created_at, updated_at
