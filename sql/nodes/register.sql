-- A node becomes one of those that share the database; until it has renewed for the first time it answers nobody.
insert into nodes (id, origin, writers, applied, protocol, key_proof, host)
values ($1, $2, $3, (select last_seq from rights_head where is_only), $4, $5, $6)
