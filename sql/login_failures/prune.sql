-- Failures that are forgotten, $1 seconds after the last, and of more than $2 those that are the oldest: $3 at most. What another node is at is
-- left to it.
delete from login_failures where key = any (array(
    select key from login_failures
    where last_at <= greatest(
        now() - make_interval(secs => $1),
        (select last_at from login_failures order by last_at desc offset $2 limit 1)
    )
    order by last_at limit $3
    for update skip locked
))
