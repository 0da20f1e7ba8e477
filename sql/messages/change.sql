-- Messages as a batch of changes leaves them; a text that is null stays as it is. A deleted one keeps its place and its nonce, and nothing
-- else.
update messages m set
    content = coalesce(n.content, m.content), updated_at = n.updated_at, edited_at = n.edited_at,
    deleted_at = case when n.is_deleted then coalesce(m.deleted_at, n.updated_at) end,
    pinned_at = case when n.is_pinned then coalesce(m.pinned_at, $7::timestamptz) end,
    reactions = n.reactions::json
from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::boolean[], $6::boolean[], $8::text[])
    as n (id, content, updated_at, edited_at, is_deleted, is_pinned, reactions)
where m.id = any ($1) and m.id = n.id
