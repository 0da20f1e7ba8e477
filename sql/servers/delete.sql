delete from servers where id = $1
