-- Which logs these are, for clients that come back: another epoch where something of them may be other than it was. It is begun by a start
-- on another database than before (a new one, a restored backup), or by an operator: `update log_epoch set epoch = default`.
create table log_epoch (
    is_only boolean not null default true,
    epoch text not null default replace(gen_random_uuid()::text, '-', ''),
    -- The cluster and the database in which it was begun; not yet by a start of Madang where it is empty.
    place text not null default '',
    constraint log_epoch_pkey primary key (is_only),
    constraint log_epoch_is_only check (is_only)
);
insert into log_epoch default values;
