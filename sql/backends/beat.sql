-- Says that the node lives: `state_change` of its lock's connection moves.
select 1
