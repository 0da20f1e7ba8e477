-- The same password with another cost: no token becomes void, and a password that has been changed meanwhile stays.
update users set hashed_password = $3 where id = $1 and hashed_password = $2
