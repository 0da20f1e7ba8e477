-- Replies, what a batch did not write, which tokens a changed password has voided, and limits that lock no more than they must.

-- Names a message of the same channel. Checked when the reply is written; messages are never taken out of a channel's
-- log, so no foreign key (and no index for its checks) is needed to keep it true.
alter table messages add column reply_to bigint;

-- Places within the batch (from 1) of drafts that were not written: duplicates, conflicts, replies to nothing.
alter table write_batches add column skipped bigint[] not null default '{}';
-- A claim stands in a batch's place, so that the batch can no longer commit.
alter table write_batches add column is_claim boolean not null default false;

-- Counts the password's changes. Tokens of an older password are void, but for the one that changed it last (its jti).
alter table users add column password_version integer not null default 0;
alter table users add column kept_token text;

-- The counters took a lock on every member of a server that was being deleted, until its cascade was done. Counting under
-- a lock on the one row whose limit it is does not, and a count cannot go wrong.
drop trigger user_servers_count on user_servers;
drop function count_membership();
alter table users drop column server_count;
create function check_server_limit() returns trigger language plpgsql as $$
begin
    perform from users where id = new.user_id for no key update;
    if (select count(*) from user_servers where user_id = new.user_id) >= 200 then
        raise check_violation using message = 'a user belongs to at most 200 servers', constraint = 'users_server_limit';
    end if;
    return new;
end $$;
create trigger user_servers_limit before insert on user_servers for each row execute function check_server_limit();

drop trigger channels_count on channels;
drop function count_channel();
alter table servers drop column channel_count;
create function check_channel_limit() returns trigger language plpgsql as $$
begin
    perform from servers where id = new.server_id for no key update;
    if (select count(*) from channels where server_id = new.server_id) >= 500 then
        raise check_violation using message = 'a server has at most 500 channels', constraint = 'servers_channel_limit';
    end if;
    return new;
end $$;
create trigger channels_limit before insert on channels for each row execute function check_channel_limit();
