-- Replies, the drafts of a batch that were not written, and which tokens a changed password has voided.

-- Names a message of the same channel. Checked when the reply is written; messages are never taken out of a channel's
-- log, so no foreign key (and no index for its checks) is needed to keep it true.
alter table messages add column reply_to bigint;

-- Places within the batch (from 1) of drafts that were not written: duplicates, conflicts, replies to nothing.
alter table write_batches add column skipped bigint[] not null default '{}';

-- Tokens issued before this second (since 1970) are void, but for the one that changed the password.
alter table users add column tokens_valid_from bigint not null default 0;
alter table users add column kept_token text;
