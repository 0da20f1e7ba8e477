delete from channels where id = $1
