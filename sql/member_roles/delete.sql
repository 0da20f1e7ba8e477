with taken as (
    delete from member_roles where user_id = $1 and server_id = $2 and role_id = $3 returning user_id, server_id
)
select note_right('member.updated', user_id, server_id, null) from taken
