-- Deleting a channel takes its row alone; its messages and what hangs on them are removed in parts afterwards, by whichever node comes to
-- it. Who writes them locks the channel's row (ADR 11), so they are not made for a channel that is gone.
alter table messages drop constraint messages_channel_id_fkey;
alter table channel_changes drop constraint channel_changes_channel_id_fkey;
alter table reactions drop constraint reactions_channel_id_fkey;
alter table message_revisions drop constraint message_revisions_channel_id_fkey;

-- Channels of which something may be left.
create table deleted_channels (
    channel_id bigint not null,
    deleted_at timestamptz not null default now(),
    constraint deleted_channels_pkey primary key (channel_id)
);

-- On every path: with its server, at psql, and by the version before.
create function note_deleted_channel() returns trigger language plpgsql as $$
begin
    insert into deleted_channels (channel_id) values (old.id) on conflict do nothing;
    return null;
end $$;
create trigger channels_deleted after delete on channels for each row execute function note_deleted_channel();
