-- Takes a token from a bucket ($1, of the kind $2) that gets one each $3 seconds and has $4 when it is full. Answers whether there was one, and how
-- many microseconds the bucket is from full. Who is refused by what is known writes nothing. `is_taken` is false, too, where somebody
-- else has just been faster: then the bucket was fuller than it is, and whoever looks again sees it.
with known as (
    select full_at from limit_buckets where key = $1
), taken as (
    insert into limit_buckets as bucket (key, kind, full_at)
    select $1, $2, now() + make_interval(secs => $3)
    where not exists (select from known where full_at > now() + make_interval(secs => $3 * ($4::double precision - 1)))
    on conflict (key) do update set full_at = greatest(bucket.full_at, now()) + make_interval(secs => $3)
    where bucket.full_at <= now() + make_interval(secs => $3 * ($4::double precision - 1))
    returning full_at
)
select exists (select from taken) as is_taken,
    (extract(epoch from coalesce((select full_at from taken), (select full_at from known)) - now()) * 1000000)::bigint as missing_us
