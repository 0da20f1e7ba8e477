-- How far what has been changed goes, and which nodes there are.
select last_seq, array(select id from nodes order by id) as nodes from rights_head where is_only
