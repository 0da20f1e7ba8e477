-- A password was not compared: one failure less of its account and network ($1). Where none is left the row says nothing, and is the next to be
-- pruned.
update login_failures set
    failures = failures - 1,
    last_at = case when failures > 1 then last_at else '-infinity' end,
    wait_until = null
where key = $1
