-- The account is erased; its row stays, nameless, because its messages name it. Its sessions and memberships go with it
-- (`users_erased`). Who owns a server cannot go: the constraint of owners and their memberships holds. As in `update.sql`, the
-- password and the session must still be what they were. It answers which servers it has left.
update users set
    username = 'deleted user', email = '', hashed_password = '', display_name = null, bio = null, avatar_url = null, looks = null,
    password_version = password_version + 1, kept_token = null, deleted_at = now(), updated_at = now()
where id = $1 and deleted_at is null and password_version = $2
    and ($3::bigint is null or exists (select from auth_sessions where id = $3))
returning current_setting('madang.left_servers', true)::bigint[] as left_servers
