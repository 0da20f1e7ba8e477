-- One batch, one transaction, draft by draft: for a batch of which `append.sql` has written nothing. What it says of locks and
-- order holds here too; a channel's row that someone else holds (a deletion, until it has committed) is not waited for.
-- Rows come back for what was written (in draft order within a channel) and, with their place in the batch, for what was not: its
-- nonce is known with the same content (`duplicate`), with one that has been edited or deleted since (`changed`) or with other content
-- (`nonce_conflict`); it replies to nothing; the channel or its author is `gone`; its channel's or author's row is held, which is not
-- waited for; its nonce is written by this same batch (`repeated`; $8 says that the batch has a nonce twice).
-- A nonce that another node commits meanwhile breaks messages_nonce_key, and the batch is sent again.
with draft as materialized (
    select * from unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
        with ordinality as d (channel_id, author_id, content, nonce, reply_to, place)
), locked as materialized (
    select id from channels where id = any ($3) for no key update skip locked
), authors as materialized (
    select id from users where id = any ($4) and deleted_at is null for key share skip locked
), known as materialized (
    select d.place, d.channel_id, m.id, m.seq, m.created_at, m.updated_at, m.edited_at, m.deleted_at is not null as is_deleted,
        case when m.edited_at is not null then m.content end as content,
        case
            when m.reply_to is distinct from d.reply_to then 'nonce_conflict'
            when m.edited_at is not null or m.deleted_at is not null then 'changed'
            when m.content = d.content then 'duplicate'
            else 'nonce_conflict'
        end as verdict
    from draft d
    cross join lateral (
        select * from messages m
        where m.channel_id = d.channel_id and m.author_id = d.author_id and m.nonce = d.nonce
        limit 1
    ) m
    where d.nonce is not null and d.channel_id in (select id from locked)
), refused as materialized (
    select * from known
    union all
    select d.place, d.channel_id, null, null, null, null, null, null, null,
        case when c.id is null then 'gone' else 'channel_held' end
    from draft d
    left join lateral (select id from channels where id = d.channel_id limit 1) c on true
    where d.channel_id not in (select id from locked)
    union all
    select d.place, d.channel_id, null, null, null, null, null, null, null,
        case when u.id is null then 'gone' else 'author_held' end
    from draft d
    left join lateral (select id from users where id = d.author_id and deleted_at is null limit 1) u on true
    where d.channel_id in (select id from locked) and d.author_id not in (select id from authors)
    union all
    select d.place, d.channel_id, null, null, null, null, null, null, null, 'reply_to_nothing'
    from draft d
    left join lateral (
        select true as is_there from messages m
        where m.id = d.reply_to and m.channel_id = d.channel_id and m.deleted_at is null
        limit 1
    ) answered on true
    where d.reply_to is not null and d.channel_id in (select id from locked) and d.place not in (select place from known)
        and d.author_id in (select id from authors)
        and is_there is null
), good as materialized (
    select * from draft where place not in (select place from refused)
), again as materialized (
    select place, channel_id from good
    where $8 and nonce is not null
        and place not in (select min(place) from good where nonce is not null group by channel_id, author_id, nonce)
), fresh as materialized (
    select * from good where place not in (select place from again)
), raised as (
    update channels set last_seq = last_seq + batch.size
    from (select channel_id, count(*) as size from fresh group by channel_id) batch
    where channels.id = any ($3) and channels.id = batch.channel_id
    returning channels.id, channels.last_seq - batch.size as base, channels.last_seq, clock_timestamp() as written_at
), noted as (
    insert into write_batches (node, number, prev, channel_ids, first_seqs, last_seqs, skipped)
    select $1, $2, $9, coalesce(array_agg(id), '{}'), coalesce(array_agg(base + 1), '{}'), coalesce(array_agg(last_seq), '{}'),
        (select coalesce(array_agg(place), '{}') from (select place from refused union all select place from again) skipped)
    from raised
), inserted as (
    insert into messages (channel_id, author_id, content, nonce, reply_to, seq, created_at, updated_at)
    select f.channel_id, f.author_id, f.content, f.nonce, f.reply_to,
        r.base + row_number() over (partition by f.channel_id order by f.place), r.written_at, r.written_at
    from fresh f join raised r on r.id = f.channel_id
    order by f.place
    returning id, channel_id, seq, created_at
)
select 'written' as verdict, 0::bigint as place, id, channel_id, seq, created_at, created_at as updated_at,
    null::timestamptz as edited_at, false as is_deleted, null::text as content
from inserted
union all
select verdict, place, id, channel_id, seq, created_at, updated_at, edited_at, is_deleted, content from refused
union all
select 'repeated', place, null, channel_id, null, null, null, null, null, null from again
