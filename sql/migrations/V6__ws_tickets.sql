-- Tickets that have opened a socket, until their time is over: none opens a second one, on whichever node.
create table ws_tickets (
    id bytea not null,
    expires_at timestamptz not null,
    constraint ws_tickets_pkey primary key (id)
);
create index ws_tickets_expires_at_idx on ws_tickets (expires_at);
