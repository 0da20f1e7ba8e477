-- Who owns a server belongs to it: a member who has just been made the owner cannot leave at the same moment.
insert into user_servers (user_id, server_id)
select owner_id, id from servers s
where not exists (select from user_servers where user_id = s.owner_id and server_id = s.id);
alter table servers add constraint servers_owner_membership_fkey
    foreign key (owner_id, id) references user_servers (user_id, server_id);
