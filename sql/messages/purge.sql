-- Removes a part of the messages of a deleted channel ($1), from the entry $2 on: what was removed before is passed over, though it may not be
-- cleaned away yet. One node at a time is at a channel: to another one no row comes back.
with held as materialized (
    select channel_id from deleted_channels where channel_id = $1 for update skip locked
), part as materialized (
    select p.ctid, p.seq
    from held
    cross join lateral (
        select ctid, seq from messages
        where channel_id = held.channel_id and seq >= $2
        order by seq limit 1000
    ) p
), removed as (
    delete from messages where ctid = any (array(select ctid from part))
)
select (select count(*) from part) as rows, (select max(seq) from part) as last from held
