-- Accounts, servers, channels, memberships, messages, and the writers' ledger.
-- Constraints name the rules; src/store/fault.rs turns each name into the error that a client gets.

create table users (
    id bigint generated always as identity primary key,
    username text not null,
    email text not null,
    hashed_password text not null,
    display_name text,
    bio text,
    avatar_url text,
    server_count integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint users_server_limit check (server_count between 0 and 200)
);
-- Unique without regard to case, and to the several ways in which Unicode can write one letter.
create unique index users_username_key on users (lower(normalize(username, nfkc)));
create unique index users_email_key on users (lower(normalize(email, nfkc)));

create table servers (
    id bigint generated always as identity primary key,
    name text not null,
    description text,
    icon_url text,
    owner_id bigint not null,
    channel_count integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint servers_owner_id_fkey foreign key (owner_id) references users (id),
    constraint servers_channel_limit check (channel_count between 0 and 500)
);
create index servers_owner_id_idx on servers (owner_id);

create table user_servers (
    user_id bigint not null,
    server_id bigint not null,
    joined_at timestamptz not null default now(),
    constraint user_servers_pkey primary key (user_id, server_id),
    constraint user_servers_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_servers_server_id_fkey foreign key (server_id) references servers (id) on delete cascade
);
create index user_servers_server_id_idx on user_servers (server_id);

create table channels (
    id bigint generated always as identity primary key,
    name text not null,
    description text,
    server_id bigint not null,
    last_seq bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint channels_server_id_fkey foreign key (server_id) references servers (id) on delete cascade
);
create index channels_server_id_idx on channels (server_id, id);

create table messages (
    id bigint generated always as identity primary key,
    channel_id bigint not null,
    author_id bigint not null,
    seq bigint not null,
    content text not null,
    nonce text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    constraint messages_channel_id_fkey foreign key (channel_id) references channels (id) on delete cascade,
    constraint messages_author_id_fkey foreign key (author_id) references users (id),
    constraint messages_seq_key unique (channel_id, seq)
);
create index messages_history_idx on messages (channel_id, id desc);
create unique index messages_nonce_key on messages (channel_id, author_id, nonce) where nonce is not null;

-- One row a batch, written in the batch's own transaction: it says whether a commit happened whose answer was lost.
create table write_batches (
    node bigint not null,
    number bigint not null,
    channel_ids bigint[] not null,
    first_seqs bigint[] not null,
    last_seqs bigint[] not null,
    written_at timestamptz not null default now(),
    constraint write_batches_pkey primary key (node, number)
);
create index write_batches_written_at_idx on write_batches (written_at);

-- The counters behind the two limits. Kept by triggers so that they hold on every path, cascades and psql included:
-- a count taken inside a statement would not see a concurrent one.
create function count_membership() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        update users set server_count = server_count + 1 where id = new.user_id;
    else
        update users set server_count = server_count - 1 where id = old.user_id;
    end if;
    return null;
end $$;
create trigger user_servers_count after insert or delete on user_servers
    for each row execute function count_membership();

create function count_channel() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        update servers set channel_count = channel_count + 1 where id = new.server_id;
    else
        update servers set channel_count = channel_count - 1 where id = old.server_id;
    end if;
    return null;
end $$;
create trigger channels_count after insert or delete on channels
    for each row execute function count_channel();
