-- Puts the roles of a server ($1) into an order ($3), the lowest first, if theirs is still the one that was decided by ($2); answers whether.
select order_roles($1, $2, $3) as is_done
