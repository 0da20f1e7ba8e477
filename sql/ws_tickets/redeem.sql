-- Once. It also clears away a few whose time is over.
with over as (
    delete from ws_tickets where id = any (array(
        select id from ws_tickets where expires_at < now() - interval '2 minutes' order by expires_at limit 10
    ))
)
insert into ws_tickets (id, expires_at) values ($1, now() + interval '2 minutes') on conflict do nothing
