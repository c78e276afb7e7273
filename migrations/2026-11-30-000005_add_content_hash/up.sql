-- The SHA-256 of a file as it was sent: it tells a repeated upload from another one under the same id. Null for files that
-- were stored before.
ALTER TABLE attachments ADD COLUMN content_hash bytea;
