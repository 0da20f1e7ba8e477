select id, last_seq from channels where id = any ($1)
