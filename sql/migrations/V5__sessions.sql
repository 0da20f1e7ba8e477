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
    constraint auth_sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);
create index auth_sessions_user_id_idx on auth_sessions (user_id, id);
create index auth_sessions_expires_at_idx on auth_sessions (expires_at);

-- The SHA-256 of each refresh token of a session: the one that is good, and used ones, so that a thief's is recognized.
create table refresh_tokens (
    token_hash bytea not null,
    session_id bigint not null,
    issued_at timestamptz not null default clock_timestamp(),
    used_at timestamptz,
    constraint refresh_tokens_pkey primary key (token_hash),
    constraint refresh_tokens_session_id_fkey foreign key (session_id) references auth_sessions (id) on delete cascade
);
create index refresh_tokens_session_id_idx on refresh_tokens (session_id, issued_at);

-- An erased account keeps its row, because its messages name it; its name and address are free again.
alter table users add column deleted_at timestamptz;
drop index users_username_key;
drop index users_email_key;
-- No index with a `where`: its condition alone would let a look-up by id go through all of it.
create unique index users_username_key on users ((case when deleted_at is null then lower(normalize(username, nfkc)) end));
create unique index users_email_key on users ((case when deleted_at is null then lower(normalize(email, nfkc)) end));
