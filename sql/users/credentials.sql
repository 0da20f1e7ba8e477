select id, hashed_password, tokens_valid_from from users where lower(normalize(username, nfkc)) = lower(normalize($1, nfkc))
