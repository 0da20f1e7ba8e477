-- Names are told apart by how they look: UTS 39's skeleton of each, which the node computes. Those that were made before have theirs
-- added at the next start; where two look alike both stay, and the later one has a mark of its own that no name can have.
alter table users add column looks text;
create unique index users_looks_key on users (looks);
create index users_without_looks on users (id) where looks is null and deleted_at is null;
