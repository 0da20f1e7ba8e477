-- How the names of accounts look that were made before that was compared: of the account $1[n] it is $2[n]. Who looks like somebody who
-- has been compared already stays, with a mark of their own.
update users set looks = case
    when exists (
        select from users other where other.looks = ($2::text[])[array_position($1::bigint[], users.id)]
    ) then '#' || id
    else ($2::text[])[array_position($1::bigint[], id)]
end
where id = any ($1)
