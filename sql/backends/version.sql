-- What has to be known before anything else is asked. Nothing here is beyond ASCII: not every encoding has what the next question holds.
select current_setting('server_version_num')::integer as version, current_setting('server_version') as version_name,
    pg_encoding_to_char(d.encoding) as encoding, quote_ident(current_user) as role, quote_ident(current_database()) as database
from pg_database d
where d.datname = current_database()
