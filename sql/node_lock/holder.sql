-- Which start took the database last.
select holder from node_lock where is_only
