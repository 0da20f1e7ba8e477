-- Buckets that are full, and of more than $1 those that have been the fullest: $2 at most. What another node is at is left to it.
delete from limit_buckets where key = any (array(
    select key from limit_buckets
    where full_at <= greatest(now(), (select full_at from limit_buckets order by full_at desc offset $1 limit 1))
    order by full_at limit $2
    for update skip locked
))
