-- A message as the database alone would store it: move the room's counter and insert one row, in one round trip.
-- Ids grow like Parlance's: random ids would cost the index more.
\set room random(1, :rooms)
WITH moved AS (
    UPDATE rooms SET last_seq = last_seq + 1, rev = rev + 1
    WHERE id = lpad(to_hex(:room::bigint), 32, '0')::uuid
    RETURNING id, last_seq, rev
)
INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at)
SELECT lpad(to_hex(nextval('message_ids')), 32, '0')::uuid, id, last_seq, rev, rev,
    lpad(to_hex(1 + :client_id::bigint), 32, '0')::uuid, :text, 1, now()
FROM moved;
