-- Notes of this writer's batches that are settled, once they are older than $3 seconds: other nodes follow them. The newest stays, so that
-- who comes late sees that there was something. A claim stays for as long as the node runs: it stands against a statement that may still
-- come.
delete from write_batches
where node = $1 and number <= $2 and not is_claim and written_at <= now() - make_interval(secs => $3)
    and number < (select number from write_batches where node = $1 and number <= $2 and not is_claim order by number desc limit 1)
