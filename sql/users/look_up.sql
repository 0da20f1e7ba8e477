-- Users in the order in which they are named; those that there are.
select u.id, u.username, u.email, u.display_name, u.bio, u.avatar_url, u.created_at, u.updated_at
from unnest($1::bigint[]) with ordinality as named (id, place)
cross join lateral (
    select id, username, email, display_name, bio, avatar_url, created_at, updated_at from users
    where id = named.id and deleted_at is null limit 1
) u
order by named.place
