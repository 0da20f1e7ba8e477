select last_seq from rights_head where is_only
