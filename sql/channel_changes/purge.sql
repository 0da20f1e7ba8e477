-- Removes a part of the changes in the log of a deleted channel ($1), from the entry $2 on, as `messages/purge.sql` does.
with held as materialized (
    select channel_id from deleted_channels where channel_id = $1 for update skip locked
), part as materialized (
    select p.ctid, p.seq
    from held
    cross join lateral (
        select ctid, seq from channel_changes
        where channel_id = held.channel_id and seq >= $2
        order by seq limit 1000
    ) p
), removed as (
    delete from channel_changes where ctid = any (array(select ctid from part))
)
select (select count(*) from part) as rows, (select max(seq) from part) as last from held
