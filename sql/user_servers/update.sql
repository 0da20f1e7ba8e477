-- Changes a member of a server (V18); answers whether, nothing where there is none.
select change_member($1, $2, $3, $4, $5, $6, $7, $8) as is_done
