-- Who may not come back to a server. A ban outlives the membership, and ends with the server or the account.
create table bans (
    server_id bigint not null,
    user_id bigint not null,
    banned_by bigint not null,
    reason text,
    created_at timestamptz not null default now(),
    constraint bans_pkey primary key (server_id, user_id),
    constraint bans_server_id_fkey foreign key (server_id) references servers (id) on delete cascade,
    constraint bans_user_id_fkey foreign key (user_id) references users (id),
    constraint bans_banned_by_fkey foreign key (banned_by) references users (id)
);
create index bans_user_id_idx on bans (user_id);

-- A ban ends the membership, and keeps a join away that comes at the same moment: both hold the account's row, and what each then reads
-- is what has been committed before its turn. Whoever bans is told whether there was one.
create function end_membership() returns trigger language plpgsql as $$
begin
    -- Before the membership, as who deletes the server takes them.
    perform from servers where id = new.server_id for key share;
    perform from users where id = new.user_id and deleted_at is null for no key update;
    if not found then
        raise foreign_key_violation using message = 'no such user', constraint = 'bans_user_id_fkey';
    end if;
    delete from user_servers where user_id = new.user_id and server_id = new.server_id;
    perform set_config('madang.has_left', found::text, true);
    return new;
end $$;
create trigger bans_end_membership before insert on bans for each row execute function end_membership();

-- As in V5, and nobody joins who is banned.
create or replace function check_server_limit() returns trigger language plpgsql as $$
begin
    perform from users where id = new.user_id and deleted_at is null for no key update;
    if not found then
        raise foreign_key_violation using message = 'no such user', constraint = 'user_servers_user_id_fkey';
    end if;
    if exists (select from bans where server_id = new.server_id and user_id = new.user_id) then
        raise check_violation using message = 'the user is banned from the server', constraint = 'user_servers_not_banned';
    end if;
    if (select count(*) from user_servers where user_id = new.user_id) >= 200 then
        raise check_violation using message = 'a user belongs to at most 200 servers', constraint = 'users_server_limit';
    end if;
    return new;
end $$;

-- As in V12; and who has no account any more needs no ban.
create or replace function forget_user() returns trigger language plpgsql as $$
declare
    left_servers bigint[];
begin
    -- After this wait the statements below see what has been committed meanwhile.
    perform from users where id = new.id for update;
    delete from auth_sessions where user_id = new.id;
    delete from bans where user_id = new.id;
    with gone as (delete from user_servers where user_id = new.id returning server_id)
    select array_agg(server_id) into left_servers from gone;
    perform set_config('madang.left_servers', coalesce(left_servers, '{}')::text, true);
    return new;
end $$;
