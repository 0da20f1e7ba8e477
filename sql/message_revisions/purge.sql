-- Removes a part of the earlier texts in a deleted channel ($1), from the message $2 on, as `messages/purge.sql` does.
with held as materialized (
    select channel_id from deleted_channels where channel_id = $1 for update skip locked
), part as materialized (
    select p.ctid, p.message_id
    from held
    cross join lateral (
        select ctid, message_id from message_revisions
        where channel_id = held.channel_id and message_id >= $2
        order by message_id, seq limit 1000
    ) p
), removed as (
    delete from message_revisions where ctid = any (array(select ctid from part))
)
select (select count(*) from part) as rows, (select max(message_id) from part) as last from held
