-- A token that was not needed.
update limit_buckets set full_at = full_at - make_interval(secs => $2) where key = $1
