-- The next channel of which something may be left, after one of them.
select channel_id from deleted_channels where channel_id > $1 order by channel_id limit 1
