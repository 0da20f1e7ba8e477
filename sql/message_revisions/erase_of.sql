-- Some of an erased account's.
delete from message_revisions where ctid = any (array(
    select ctid from message_revisions where author_id = $1 limit 1000
))
