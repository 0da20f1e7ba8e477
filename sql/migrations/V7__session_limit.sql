-- A user has at most 100 sessions, however many logins come at once: they are counted one after another, by a statement that sees what
-- was committed before its turn. The user's row is not locked for it: a change of the password that takes its time holds up no login.
-- What is over of the user's goes too; the login itself clears away only others' (no row is deleted twice by one statement).
create function limit_sessions() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashint8extended(new.user_id, 1635087475));
    delete from auth_sessions where user_id = new.user_id and (expires_at < now() or id = any (array(
        select id from auth_sessions where user_id = new.user_id order by id + 0 desc offset 99
    )));
    return new;
end $$;
create trigger auth_sessions_limit before insert on auth_sessions for each row execute function limit_sessions();
