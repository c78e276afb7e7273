-- Sessions that are over by their age.
CREATE INDEX sessions_created_at_idx ON sessions (created_at);
-- For the foreign key: deleting a user sets it to null.
CREATE INDEX rooms_created_by_idx ON rooms (created_by);
-- messages.author_id has no index on purpose. Nothing reads messages by author, and no user is ever deleted, so only
-- the inserts would pay for it. Whoever deletes users adds it first: without it, that scans all messages.
