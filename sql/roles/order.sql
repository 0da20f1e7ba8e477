-- Puts the roles of a server ($1) in this order ($2), the lowest first, if these are all of them but the default one; answers how many there are.
with locked as (
    select id from servers where id = $1 for no key update
), present as (
    select id from roles where server_id = (select id from locked) and not is_default
), moved as (
    update roles r set position = wanted.place, updated_at = now()
    from unnest($2::bigint[]) with ordinality as wanted (id, place)
    where r.server_id = $1 and r.id = wanted.id and r.position <> wanted.place
        and (select array_agg(id order by id) from present) is not distinct from (select array_agg(id order by id) from unnest($2::bigint[]) id)
)
select coalesce((select array_agg(id order by id) from present), '{}') as ids
