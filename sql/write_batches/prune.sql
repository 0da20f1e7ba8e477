delete from write_batches where (node = $1 and number <= $2) or written_at < now() - interval '1 day'
