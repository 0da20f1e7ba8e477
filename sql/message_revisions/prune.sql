-- The oldest of those whose time is over; those that a writer is at are left to the next time.
delete from message_revisions where ctid = any (array(
    select ctid from message_revisions where replaced_at < now() - interval '30 days' order by replaced_at limit 1000
    for update skip locked
))
