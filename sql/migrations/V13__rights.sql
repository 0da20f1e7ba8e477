-- What several nodes on one database have to know of each other: which of them there are, what has been changed that they remember, and
-- in which order their writers have written.

-- Each node, for as long as it is one of them. `beat` only counts: no clock of the database is compared with a node's.
create table nodes (
    id bigint not null,
    -- What its connections call themselves (`madang.origin`).
    origin bigint not null,
    -- Its writers, as `write_batches` names them.
    writers bigint[] not null,
    -- How much of `rights` it has applied.
    applied bigint not null,
    beat bigint not null default 0,
    -- Which nodes understand each other.
    protocol integer not null,
    -- Says whether its key is that of the others, and nothing of the key.
    key_proof text not null,
    host text not null,
    started_at timestamptz not null default now(),
    constraint nodes_pkey primary key (id)
);

-- The end of the log below: one row, so that its numbers have the order of the commits, and no holes.
create table rights_head (
    is_only boolean not null default true,
    last_seq bigint not null default 0,
    constraint rights_head_pkey primary key (is_only),
    constraint rights_head_is_only check (is_only)
);
insert into rights_head default values;

-- What has been changed of that which a node remembers: rights above all. It says what to look at again, not what it is now.
create table rights (
    seq bigint not null,
    kind text not null,
    user_id bigint,
    server_id bigint,
    channel_id bigint,
    -- Whose connection has made it: that node knows.
    origin bigint,
    written_at timestamptz not null default clock_timestamp(),
    constraint rights_pkey primary key (seq)
);
create index rights_written_at_idx on rights (written_at);

-- Called when everything else of a transaction is done, so the end of the log is the last that it locks, and is held for its commit alone.
-- Where there are no nodes that share the database, nothing is noted. What a transaction has noted already is not noted again.
create function note_right(new_kind text, of_user bigint, of_server bigint, of_channel bigint) returns void language plpgsql as $$
declare
    head bigint;
begin
    if not exists (select from nodes) or exists (
        select from rights
        where seq = (select last_seq from rights_head) and xmin = pg_current_xact_id()::xid
            and (kind, user_id, server_id, channel_id) is not distinct from (new_kind, of_user, of_server, of_channel)
    ) then
        return;
    end if;
    update rights_head set last_seq = last_seq + 1 returning last_seq into head;
    insert into rights (seq, kind, user_id, server_id, channel_id, origin)
    values (head, new_kind, of_user, of_server, of_channel, nullif(current_setting('madang.origin', true), '')::bigint);
end $$;

create function note_user() returns trigger language plpgsql as $$
begin
    if new.deleted_at is not null then
        perform note_right('user.erased', new.id, null, null);
        return null;
    end if;
    if new.password_version <> old.password_version then
        perform note_right('user.password', new.id, null, null);
    end if;
    if (new.username, new.display_name, new.bio, new.avatar_url) is distinct from (old.username, old.display_name, old.bio, old.avatar_url) then
        perform note_right('user.profile', new.id, null, null);
    end if;
    return null;
end $$;
create constraint trigger users_noted after update of username, display_name, bio, avatar_url, password_version, deleted_at on users
    deferrable initially deferred for each row
    when ((new.username, new.display_name, new.bio, new.avatar_url, new.password_version, new.deleted_at)
        is distinct from (old.username, old.display_name, old.bio, old.avatar_url, old.password_version, old.deleted_at))
    execute function note_user();

-- One that is over is cleared away without a word: nobody has a token for it.
create function note_session() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform note_right('session.created', new.user_id, null, null);
    elsif old.expires_at > now() then
        perform note_right('session.ended', old.user_id, null, null);
    end if;
    return null;
end $$;
create constraint trigger auth_sessions_noted after insert or delete on auth_sessions
    deferrable initially deferred for each row execute function note_session();

-- Of a server that is gone with all its members the server's own entry says enough.
create function note_membership() returns trigger language plpgsql as $$
begin
    if not exists (select from nodes) then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform note_right('member.joined', new.user_id, new.server_id, null);
    elsif exists (select from servers where id = old.server_id) then
        perform note_right('member.left', old.user_id, old.server_id, null);
    end if;
    return null;
end $$;
create constraint trigger user_servers_noted after insert or delete on user_servers
    deferrable initially deferred for each row execute function note_membership();

create function note_server() returns trigger language plpgsql as $$
begin
    perform note_right(case tg_op when 'DELETE' then 'server.deleted' else 'server.updated' end, null, old.id, null);
    return null;
end $$;
create constraint trigger servers_noted after update or delete on servers
    deferrable initially deferred for each row execute function note_server();

create function note_channel() returns trigger language plpgsql as $$
begin
    if not exists (select from nodes) then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform note_right('channel.created', null, new.server_id, new.id);
    elsif tg_op = 'UPDATE' then
        perform note_right('channel.updated', null, new.server_id, new.id);
    elsif exists (select from servers where id = old.server_id) then
        perform note_right('channel.deleted', null, old.server_id, old.id);
    end if;
    return null;
end $$;
-- Not at what a message changes: how far the log goes.
create constraint trigger channels_noted after insert or delete or update of name, description on channels
    deferrable initially deferred for each row execute function note_channel();

-- The batch of this writer before it, so that who follows sees a hole: 0 for its first, nothing where an earlier version has written it.
alter table write_batches add column prev bigint;
