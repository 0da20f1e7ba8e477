-- The servers that a user belongs to, and the roles that they have there.
select m.server_id, array(
    select role_id from member_roles r where r.user_id = $1 and r.server_id = m.server_id order by role_id + 0
) as role_ids, m.timeout_until
from user_servers m where m.user_id = $1
