-- The server is held first, as by who deletes it.
delete from roles
where server_id = (select id from servers where id = $1 for key share) and id = $2 and not is_default
