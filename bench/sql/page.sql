-- Only the page by its key: fifty messages before a place, with their authors, by the index on (room_id, seq).
-- Parlance's own statement also reads the room.
\set before random(:low, :high)
SELECT messages.id, messages.room_id, messages.seq, messages.rev, messages.text, messages.created_at,
    messages.edited_at, messages.deleted_at, users.id, users.username, users.kind
FROM messages JOIN users ON users.id = messages.author_id
WHERE messages.room_id = :room::uuid AND messages.seq < :before
ORDER BY messages.seq DESC LIMIT 50;
