-- Parlance's own statement (crates/api/src/db/messages/create.rs) and the batch size that it reached.
-- The values that a client would bind are bound; only those that must differ between batches are created here. Each
-- client has rooms of its own, like each of Parlance's writers.
WITH input AS (SELECT * FROM unnest(
    ARRAY(SELECT lpad(to_hex(nextval('message_ids')), 32, '0')::uuid FROM generate_series(1, :batch::int)),
    ARRAY(SELECT lpad(to_hex(1 + :client_id::bigint + :writers::bigint * floor(random() * :rooms_each::int)::bigint),
        32, '0')::uuid FROM generate_series(1, :batch::int)),
    :authors::uuid[], :texts::text[], :hashes::bigint[], :times::timestamptz[])
    WITH ORDINALITY AS input (id, room_id, author_id, text, sent_hash, created_at, place)),
fresh AS (
    SELECT input.*, row_number() OVER (PARTITION BY room_id ORDER BY place) AS step FROM input
    WHERE NOT EXISTS (SELECT FROM messages WHERE messages.id = input.id)),
moved AS (
    UPDATE rooms SET last_seq = rooms.last_seq + steps.count, rev = rooms.rev + steps.count
    FROM (SELECT room_id, count(*) AS count FROM fresh GROUP BY room_id) AS steps
    WHERE rooms.id = steps.room_id AND rooms.deleted_at IS NULL
    RETURNING rooms.id, rooms.last_seq - steps.count AS seq, rooms.rev - steps.count AS rev)
INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at)
SELECT fresh.id, fresh.room_id, moved.seq + fresh.step, moved.rev + fresh.step,
    moved.rev + fresh.step, fresh.author_id, fresh.text, fresh.sent_hash, fresh.created_at
FROM fresh JOIN moved ON moved.id = fresh.room_id
RETURNING id, seq, rev;
