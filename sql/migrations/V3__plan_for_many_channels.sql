-- Where one channel has nearly all messages, a sample finds no other, and for a quiet one PostgreSQL would go through
-- all messages from the newest on instead of the channel's own.
alter table messages alter column channel_id set (n_distinct = 10000);
-- Takes effect with the next look at the table, which is due where there are messages.
analyze messages;
