-- Counts a try at a password as failed, before it is compared: of an account and network ($1), and of all that comes from a site (the bucket $2
-- of the kind $3, which gets a token each $4 seconds and has $5 when it is full). From $6 failures on each further one has to wait: for $7
-- seconds, then twice as long each time up to $8. Failures are forgotten $9 seconds after the last. Who is refused by what is known
-- writes nothing. Where somebody else has just been faster, nothing is counted, or of the account and network alone: then that is
-- to be given back, and whoever looks again sees why. All lock the account's row before the site's.
with known as (
    select
        (select wait_until from login_failures where key = $1) as wait_until,
        (select full_at from limit_buckets where key = $2) as full_at
), counted as (
    insert into login_failures as failed (key, failures, last_at)
    select $1, 1, now() from known
    where coalesce(wait_until <= now(), true) and coalesce(full_at <= now() + make_interval(secs => $4 * ($5::double precision - 1)), true)
    on conflict (key) do update set (failures, last_at, wait_until) = (
        select failures, now(),
            case when failures >= $6 then now() + make_interval(secs => least($7 * 2 ^ least(failures - $6, 20), $8)) end
        from (
            select case when failed.last_at < now() - make_interval(secs => $9) then 1 else failed.failures + 1 end as failures
        ) now_failed
    )
    where coalesce(failed.wait_until <= now(), true)
    returning key
), taken as (
    insert into limit_buckets as bucket (key, kind, full_at)
    select $2, $3, now() + make_interval(secs => $4) from counted
    on conflict (key) do update set full_at = greatest(bucket.full_at, now()) + make_interval(secs => $4)
    where bucket.full_at <= now() + make_interval(secs => $4 * ($5::double precision - 1))
    returning key
)
select exists (select from counted) as is_counted, exists (select from taken) as is_taken,
    (extract(epoch from wait_until - now()) * 1000000)::bigint as wait_us,
    (extract(epoch from full_at - now()) * 1000000)::bigint as missing_us
from known
