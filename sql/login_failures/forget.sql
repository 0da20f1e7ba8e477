-- A password was right: what failed before of its account and network ($1) is forgotten, and the site's bucket ($2) has its token back, worth $3
-- seconds. The first is done before the second is looked for, so that all lock them in one order.
with forgotten as (
    delete from login_failures where key = $1 returning key
)
update limit_buckets set full_at = full_at - make_interval(secs => $3)
where key = $2 and (select count(*) from forgotten) >= 0
