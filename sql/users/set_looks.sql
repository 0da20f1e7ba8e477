-- How the names of accounts look that were made before that was compared. The first of those that look alike has it; the others stay, with
-- a mark of their own.
with wanted as (
    select id, looks, row_number() over (partition by looks order by id) as rank
    from unnest($1::bigint[], $2::text[]) as wanted (id, looks)
)
update users set looks = case
    when wanted.rank = 1 and not exists (select from users other where other.looks = wanted.looks) then wanted.looks
    else '#' || wanted.id
end
from wanted
where users.id = wanted.id
