select id, hashed_password, password_version from users where lower(normalize(username, nfkc)) = lower(normalize($1, nfkc))
