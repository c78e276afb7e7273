-- The control: the same page by counting from the newest. It must become slow, otherwise the measurement proves nothing.
SELECT messages.id, messages.room_id, messages.seq, messages.rev, messages.text, messages.created_at,
    messages.edited_at, messages.deleted_at, users.id, users.username, users.kind
FROM messages JOIN users ON users.id = messages.author_id
WHERE messages.room_id = :room::uuid
ORDER BY messages.seq DESC LIMIT 50 OFFSET :depth::bigint;
