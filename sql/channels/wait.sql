-- Waits for the rows of channels ($1), in the order of their ids: for nodes that write to the same channels, which do not overtake each
-- other by it and cannot wait for each other in a circle. What is written after that sees what was written before.
select id from channels where id = any ($1) order by id for no key update
