-- Texts that edits have replaced; of each message the last 100 are kept.
with too_many as (
    delete from message_revisions where ctid = any (array(
        select r.ctid
        from (select distinct channel_id, message_id from unnest($1::bigint[], $2::bigint[]) as of (channel_id, message_id)) m
        cross join lateral (
            select ctid from message_revisions where channel_id = m.channel_id and message_id = m.message_id order by seq desc offset 99
        ) r
    ))
)
insert into message_revisions (channel_id, message_id, seq, author_id, content, written_at, replaced_at)
select n.*, $7 from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[])
    as n (channel_id, message_id, seq, author_id, content, written_at)
