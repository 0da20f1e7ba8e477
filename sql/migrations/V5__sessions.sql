-- Logins that last, and accounts that can be erased.

-- One row a login. Its access tokens name it (`sid`); without its row they are void.
create table auth_sessions (
    id bigint generated always as identity primary key,
    user_id bigint not null,
    -- The password that it was begun with; when that is changed, the session is over.
    password_version integer not null,
    user_agent text,
    address text,
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    -- SHA-256 of what is the same in all refresh tokens of the session, and of the one that is good: any other of the family
    -- has been used.
    token_family bytea not null,
    token_hash bytea not null,
    constraint auth_sessions_token_family_key unique (token_family),
    constraint auth_sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);
create index auth_sessions_user_id_idx on auth_sessions (user_id, id);
create index auth_sessions_expires_at_idx on auth_sessions (expires_at);

-- An erased account keeps its row, because its messages name it; its name and address are free again.
alter table users add column deleted_at timestamptz;
drop index users_username_key;
drop index users_email_key;
-- No index with a `where`: its condition alone would let a look-up by id go through all of it.
create unique index users_username_key on users ((case when deleted_at is null then lower(normalize(username, nfkc)) end));
create unique index users_email_key on users ((case when deleted_at is null then lower(normalize(email, nfkc)) end));

-- What is under way while an account is erased either finds it erased or is erased with it: both hold the account's row.
create function forget_user() returns trigger language plpgsql as $$
begin
    -- After this wait the statements below see what has been committed meanwhile.
    perform from users where id = new.id for update;
    delete from auth_sessions where user_id = new.id;
    delete from user_servers where user_id = new.id;
    return new;
end $$;
create trigger users_erased before update of deleted_at on users for each row
    when (old.deleted_at is null and new.deleted_at is not null) execute function forget_user();

create or replace function check_server_limit() returns trigger language plpgsql as $$
begin
    perform from users where id = new.user_id and deleted_at is null for no key update;
    if not found then
        raise foreign_key_violation using message = 'no such user', constraint = 'user_servers_user_id_fkey';
    end if;
    if (select count(*) from user_servers where user_id = new.user_id) >= 200 then
        raise check_violation using message = 'a user belongs to at most 200 servers', constraint = 'users_server_limit';
    end if;
    return new;
end $$;
