-- From now on the database is that of the start $1; before this it has changed nothing.
insert into node_lock (holder) values ($1) on conflict (is_only) do update set holder = excluded.holder
