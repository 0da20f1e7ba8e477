-- What earlier nodes have noted and claimed. No statement of theirs can come any more, and nobody asks; a day of it is kept for
-- whoever wants to know what happened.
delete from write_batches where written_at < now() - interval '1 day'
