-- What earlier nodes have noted and claimed. No statement of theirs can come any more, and nobody asks; a day of it is kept for
-- whoever wants to know what happened. What is of a node that shares the database stays for as long as that is there.
delete from write_batches b
where written_at < now() - interval '1 day' and not exists (select from nodes n where b.node = any (n.writers))
