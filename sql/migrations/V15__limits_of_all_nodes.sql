-- Limits of what is rare, where nodes share a database: counted here, by all of them together. A node that has its database for itself counts
-- in its memory, and leaves these tables empty. Keys are hashes, made with the nodes' key: nobody else can look a name or an address up.

-- Buckets of tokens that fill at a steady rate.
create table limit_buckets (
    key bytea not null,
    -- For the operator; the key has it in it.
    kind text not null,
    -- From then on it says nothing.
    full_at timestamptz not null,
    constraint limit_buckets_pkey primary key (key)
);
create index limit_buckets_full_at_idx on limit_buckets (full_at);

-- Wrong passwords of an account from a network.
create table login_failures (
    key bytea not null,
    failures integer not null,
    last_at timestamptz not null,
    -- Before that no password is compared, however right it is.
    wait_until timestamptz,
    constraint login_failures_pkey primary key (key)
);
create index login_failures_last_at_idx on login_failures (last_at);
