select id, hashed_password from users where lower(normalize(username, nfkc)) = lower(normalize($1, nfkc))
