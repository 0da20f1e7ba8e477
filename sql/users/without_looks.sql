-- Accounts whose names have not been compared yet.
select id, username from users where looks is null and deleted_at is null order by id limit 1000
