-- Who owns a server belongs to it: a member who has just been made the owner cannot leave at the same moment.
insert into user_servers (user_id, server_id) select owner_id, id from servers on conflict do nothing;
alter table servers add constraint servers_owner_membership_fkey
    foreign key (owner_id, id) references user_servers (user_id, server_id);
