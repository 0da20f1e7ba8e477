delete from write_batches where written_at < now() - interval '1 day'
