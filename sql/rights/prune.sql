-- What every node has applied long ago; who has not may not go on by it, and begins anew.
delete from rights where seq = any (array(
    select seq from rights where written_at < now() - interval '1 hour' order by written_at limit 1000
))
