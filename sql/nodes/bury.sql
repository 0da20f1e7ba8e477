-- A node that says nothing is removed, unless it says something at this moment.
delete from nodes where id = $1 and beat = $2
