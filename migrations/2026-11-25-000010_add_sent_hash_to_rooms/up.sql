-- Of the name that a room was created with: tells a repeat of its creation from a reuse of its id, whatever it is called
-- since. Null in rooms that were created before clients could choose the id.
ALTER TABLE rooms ADD COLUMN sent_hash bigint;
