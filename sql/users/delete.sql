-- The account is erased; its row stays, nameless, because its messages name it. Who owns a server cannot go: the constraint
-- of owners and their memberships holds.
with ended as (
    delete from auth_sessions where user_id = $1
), left_all as (
    delete from user_servers where user_id = $1
)
update users set
    username = 'deleted user', email = '', hashed_password = '', display_name = null, bio = null, avatar_url = null,
    password_version = password_version + 1, kept_token = null, deleted_at = now(), updated_at = now()
where id = $1 and deleted_at is null
