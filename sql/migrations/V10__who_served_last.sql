-- Which node took the database last: a random number of each start. A node that takes its lock back sees by it whether another one has
-- served meanwhile.
create table node_lock (
    is_only boolean not null default true,
    holder bigint not null,
    constraint node_lock_pkey primary key (is_only),
    constraint node_lock_is_only check (is_only)
);
