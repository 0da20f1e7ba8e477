-- What is done to messages after they were made. Each such change is an entry of its channel's log, numbered with the messages: the log
-- is the union of both tables by `seq`.
create table channel_changes (
    channel_id bigint not null,
    seq bigint not null,
    kind text not null,
    message_id bigint,
    -- Where a change is about several.
    message_ids bigint[],
    user_id bigint not null,
    emoji text,
    created_at timestamptz not null,
    constraint channel_changes_pkey primary key (channel_id, seq),
    constraint channel_changes_channel_id_fkey foreign key (channel_id) references channels (id) on delete cascade
);

-- `reactions` is a list of {"emoji", "count"} in the order in which the kinds came; the table of that name has who. Both are written in
-- one transaction, under the lock of the channel's row.
alter table messages add column edited_at timestamptz;
alter table messages add column pinned_at timestamptz;
alter table messages add column reactions json;
create index messages_pins_idx on messages (channel_id, pinned_at desc, id desc) where pinned_at is not null;

create table reactions (
    channel_id bigint not null,
    message_id bigint not null,
    emoji text not null,
    user_id bigint not null,
    created_at timestamptz not null,
    constraint reactions_pkey primary key (channel_id, message_id, emoji, user_id),
    constraint reactions_channel_id_fkey foreign key (channel_id) references channels (id) on delete cascade
);

-- The texts that edits have replaced: kept for a while, for the owner to look at.
create table message_revisions (
    channel_id bigint not null,
    message_id bigint not null,
    -- The entry that replaced it.
    seq bigint not null,
    author_id bigint not null,
    content text not null,
    written_at timestamptz not null,
    replaced_at timestamptz not null,
    constraint message_revisions_pkey primary key (channel_id, message_id, seq),
    constraint message_revisions_channel_id_fkey foreign key (channel_id) references channels (id) on delete cascade
);
create index message_revisions_replaced_at_idx on message_revisions (replaced_at);
create index message_revisions_author_idx on message_revisions (author_id, channel_id, message_id, seq);

-- A page of a history reads as many rows as it shows, however many have been deleted.
create index messages_shown_idx on messages (channel_id, id desc) where deleted_at is null;
drop index messages_history_idx;
