-- One batch, one transaction. The channels' rows are locked in id order before anything is numbered, so writers cannot
-- deadlock, commit order is seq order, and (the identity being drawn under the lock) so is id order within a channel.
-- A row that someone else holds (a deletion, until its cascade is done) is not waited for.
-- Rows come back for what was written (verdict 0, in draft order within a channel) and, with their place in the batch,
-- for what was not: 1 its nonce is known with the same content, 2 with other content, 3 it replies to nothing, 4 the
-- channel is gone, 5 its row is held, 6 its nonce is written by this same batch ($8 says that the batch has a nonce twice).
-- A nonce that another node commits meanwhile breaks messages_nonce_key, and the batch is sent again.
with draft as materialized (
    select * from unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
        with ordinality as d (channel_id, author_id, content, nonce, reply_to, place)
), locked as materialized (
    select id from channels where id = any ($3) order by id for no key update skip locked
), looked_up as materialized (
    select d.*, known.id as known_id, known.seq as known_seq, known.created_at as known_created_at,
        known.updated_at as known_updated_at,
        case
            when locked.id is null then case when exists (select from channels c where c.id = d.channel_id) then 5 else 4 end
            when known.id is not null and known.content = d.content and known.reply_to is not distinct from d.reply_to then 1
            when known.id is not null then 2
            when d.reply_to is not null and target.id is null then 3
            else 0
        end as finding
    from draft d
    left join locked on locked.id = d.channel_id
    -- The limits keep these one index probe a draft, whatever the planner believes of the table's size.
    left join lateral (
        select m.id, m.seq, m.content, m.reply_to, m.created_at, m.updated_at from messages m
        where d.nonce is not null and m.channel_id = d.channel_id and m.author_id = d.author_id and m.nonce = d.nonce
        limit 1
    ) known on true
    left join lateral (
        select m.id from messages m
        where d.reply_to is not null and m.id = d.reply_to and m.channel_id = d.channel_id and m.deleted_at is null
        limit 1
    ) target on true
), firsts as materialized (
    select min(place) as place from looked_up
    where $8 and finding = 0 and nonce is not null group by channel_id, author_id, nonce
), judged as materialized (
    select l.*,
        case
            when $8 and finding = 0 and nonce is not null and place not in (select place from firsts) then 6
            else finding
        end as verdict
    from looked_up l
), raised as (
    update channels set last_seq = last_seq + batch.size
    from (select channel_id, count(*) as size from judged where verdict = 0 group by channel_id) batch
    where channels.id = batch.channel_id
    returning channels.id, channels.last_seq - batch.size as base, channels.last_seq
), noted as (
    insert into write_batches (node, number, channel_ids, first_seqs, last_seqs, skipped)
    select $1, $2, coalesce(array_agg(id), '{}'), coalesce(array_agg(base + 1), '{}'), coalesce(array_agg(last_seq), '{}'),
        (select coalesce(array_agg(place), '{}') from judged where verdict <> 0)
    from raised
), inserted as (
    insert into messages (channel_id, author_id, content, nonce, reply_to, seq, created_at, updated_at)
    select j.channel_id, j.author_id, j.content, j.nonce, j.reply_to,
        r.base + row_number() over (partition by j.channel_id order by j.place), now(), now()
    from judged j join raised r on r.id = j.channel_id
    where j.verdict = 0
    order by j.place
    returning id, channel_id, seq, created_at
)
select 0 as verdict, 0::bigint as place, id, channel_id, seq, created_at, created_at as updated_at from inserted
union all
select verdict, place, known_id, channel_id, known_seq, known_created_at, known_updated_at from judged where verdict <> 0
