-- Notes of this writer's batches that are settled. A claim stays for as long as the node runs: it stands against a statement that
-- may still come.
delete from write_batches where node = $1 and number <= $2 and not is_claim
