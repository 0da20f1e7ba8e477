-- A refresh token whose answer was lost, or which two tabs use at once, gives the same successor again for a moment: the hash of the one
-- that was used last.
alter table auth_sessions add column previous_hash bytea;
