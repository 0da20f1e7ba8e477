select epoch from log_epoch where is_only
