select username, tokens_valid_from, kept_token from users where id = $1
