-- What this very connection was opened with. Behind a pooler that keeps such things back there is nothing, or what somebody else has left.
select current_setting('madang.node', true)
