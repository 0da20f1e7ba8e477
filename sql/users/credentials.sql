select id, username, hashed_password, password_version from users
where case when deleted_at is null then lower(normalize(username, nfkc)) end = lower(normalize($1, nfkc))
