-- Roles of servers: what their members may do. Each server has one that every member has, and at most 250 in all.
create table roles (
    id bigint generated always as identity primary key,
    server_id bigint not null,
    name text not null,
    -- `#rrggbb`.
    color text,
    hoist boolean not null default false,
    mentionable boolean not null default false,
    -- How high it is; the default role is at 0. Of two at one position the older one is higher.
    position integer not null,
    -- Bits, as `src/domain/permission.rs` has them.
    permissions bigint not null,
    is_default boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint roles_server_id_fkey foreign key (server_id) references servers (id) on delete cascade,
    constraint roles_server_id_key unique (server_id, id),
    constraint roles_default_is_lowest check (is_default = (position = 0) and position >= 0)
);
create unique index roles_default_key on roles (server_id) where is_default;

-- Which members have which of them beside the default one.
create table member_roles (
    user_id bigint not null,
    server_id bigint not null,
    role_id bigint not null,
    constraint member_roles_pkey primary key (user_id, server_id, role_id),
    constraint member_roles_member_fkey foreign key (user_id, server_id) references user_servers (user_id, server_id) on delete cascade,
    constraint member_roles_role_fkey foreign key (server_id, role_id) references roles (server_id, id) on delete cascade
);
-- By the role alone: whoever asks for the roles of a member has no other way than the key above, whatever the statistics say.
create index member_roles_role_idx on member_roles (role_id);

-- What members are called in a server, and until when they are kept from writing there.
alter table user_servers add column nickname text, add column timeout_until timestamptz;

-- What every member could do before there were roles.
insert into roles (server_id, name, position, permissions, is_default) select id, 'everyone', 0, 309305134145, true from servers;

create function give_default_role() returns trigger language plpgsql as $$
begin
    insert into roles (server_id, name, position, permissions, is_default) values (new.id, 'everyone', 0, 309305134145, true);
    return null;
end $$;
create trigger servers_default_role after insert on servers for each row execute function give_default_role();

-- Of two that make the last one at the same moment, one is late.
create function check_role_limit() returns trigger language plpgsql as $$
begin
    perform from servers where id = new.server_id for no key update;
    if (select count(*) from roles where server_id = new.server_id) >= 250 then
        raise check_violation using message = 'a server has at most 250 roles', constraint = 'servers_role_limit';
    end if;
    return new;
end $$;
create trigger roles_limit before insert on roles for each row execute function check_role_limit();

-- What is noted of roles for other nodes (V13): as `note_right`, with the role.
alter table rights add column role_id bigint;

create function note_role(new_kind text, of_server bigint, of_role bigint) returns void language plpgsql as $$
declare
    head bigint;
begin
    if not exists (select from nodes) or exists (
        select from rights
        where seq = (select last_seq from rights_head) and xmin = pg_current_xact_id()::xid
            and (kind, server_id, role_id) is not distinct from (new_kind, of_server, of_role)
    ) then
        return;
    end if;
    update rights_head set last_seq = last_seq + 1 returning last_seq into head;
    insert into rights (seq, kind, server_id, role_id, origin)
    values (head, new_kind, of_server, of_role, nullif(current_setting('madang.origin', true), '')::bigint);
end $$;

create function note_role_change() returns trigger language plpgsql as $$
begin
    if not exists (select from nodes) then
        return null;
    end if;
    if tg_op = 'DELETE' then
        if exists (select from servers where id = old.server_id) then
            perform note_role('role.deleted', old.server_id, old.id);
        end if;
    elsif tg_op = 'INSERT' then
        if not new.is_default then
            perform note_role('role.created', new.server_id, new.id);
        end if;
    elsif new.position <> old.position then
        perform note_role('roles.ordered', new.server_id, null);
    else
        perform note_role('role.updated', new.server_id, new.id);
    end if;
    return null;
end $$;
create constraint trigger roles_noted after insert or update or delete on roles
    deferrable initially deferred for each row execute function note_role_change();

-- Whoever is given a role. That one is taken is noted by what takes it: of a role that is gone, and of a membership that is, their own entries
-- say enough, however many members had it.
create function note_given_role() returns trigger language plpgsql as $$
begin
    perform note_right('member.updated', new.user_id, new.server_id, null);
    return null;
end $$;
create constraint trigger member_roles_noted after insert on member_roles
    deferrable initially deferred for each row execute function note_given_role();

create function note_member() returns trigger language plpgsql as $$
begin
    perform note_right('member.updated', new.user_id, new.server_id, null);
    return null;
end $$;
create constraint trigger user_servers_update_noted after update on user_servers
    deferrable initially deferred for each row
    when ((new.nickname, new.timeout_until) is distinct from (old.nickname, old.timeout_until))
    execute function note_member();

-- Who leaves in a timeout and comes back is in it still.
create table left_in_timeout (
    server_id bigint not null,
    user_id bigint not null,
    timeout_until timestamptz not null,
    constraint left_in_timeout_pkey primary key (server_id, user_id),
    constraint left_in_timeout_server_id_fkey foreign key (server_id) references servers (id) on delete cascade
);

create function keep_timeout() returns trigger language plpgsql as $$
begin
    delete from left_in_timeout where server_id = old.server_id and timeout_until < now();
    insert into left_in_timeout (server_id, user_id, timeout_until)
    select id, old.user_id, old.timeout_until from servers where id = old.server_id
    on conflict (server_id, user_id) do update set timeout_until = excluded.timeout_until;
    return null;
end $$;
create trigger user_servers_keep_timeout after delete on user_servers for each row
    when (old.timeout_until is not null) execute function keep_timeout();

create function bring_timeout_back() returns trigger language plpgsql as $$
begin
    delete from left_in_timeout where server_id = new.server_id and user_id = new.user_id
    returning timeout_until into new.timeout_until;
    return new;
end $$;
create trigger user_servers_timeout_back before insert on user_servers for each row execute function bring_timeout_back();

-- Each statement of a function sees what has been committed before it: what is decided by is what is there once the row is held.

-- Puts a server's roles into an order, the lowest first, if these are all of them but the default one and none has been made, deleted or moved
-- since the order was read that was decided by.
create function order_roles(of_server bigint, decided_by bigint[], wanted bigint[]) returns boolean language plpgsql as $$
declare
    present bigint[];
begin
    perform from servers where id = of_server for no key update;
    present := coalesce((select array_agg(id order by position, id desc) from roles where server_id = of_server and not is_default), '{}');
    if present <> decided_by or not (present <@ wanted and wanted <@ present and cardinality(wanted) = cardinality(present)) then
        return false;
    end if;
    update roles r set position = w.place, updated_at = now()
    from unnest(wanted) with ordinality as w (id, place)
    where r.id = w.id and r.position <> w.place;
    return true;
end $$;

-- Changes a member: the nickname, the end of a timeout, and all roles where `wanted` is not null, if they are still those that were decided by.
-- Nothing where there is no such member, false where the roles are others.
create function change_member(
    of_user bigint, of_server bigint, has_nickname boolean, new_nickname text, has_timeout boolean, new_timeout timestamptz,
    decided_by bigint[], wanted bigint[]
) returns boolean language plpgsql as $$
begin
    perform from user_servers where user_id = of_user and server_id = of_server for update;
    if not found then
        return null;
    end if;
    if wanted is not null then
        if array(select role_id from member_roles where user_id = of_user and server_id = of_server order by role_id + 0) <> decided_by then
            return false;
        end if;
        delete from member_roles where user_id = of_user and server_id = of_server and role_id <> all (wanted);
        insert into member_roles (user_id, server_id, role_id) select of_user, of_server, unnest(wanted) on conflict do nothing;
    end if;
    update user_servers
    set nickname = case when has_nickname then new_nickname else nickname end,
        timeout_until = case when has_timeout then new_timeout else timeout_until end
    where user_id = of_user and server_id = of_server;
    perform note_right('member.updated', of_user, of_server, null);
    return true;
end $$;
