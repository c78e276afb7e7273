-- Tables of the same shape, indexes and constraints as Parlance's, for what the database does alone.
DROP SCHEMA IF EXISTS reference CASCADE;
CREATE SCHEMA reference;
CREATE SEQUENCE reference.message_ids;
CREATE TABLE reference.rooms (LIKE public.rooms INCLUDING ALL);
CREATE TABLE reference.messages (LIKE public.messages INCLUDING ALL);
ALTER TABLE reference.messages
    ADD CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES reference.rooms (id) ON DELETE CASCADE,
    ADD CONSTRAINT messages_author_id_fkey FOREIGN KEY (author_id) REFERENCES public.users (id);
INSERT INTO reference.rooms (id, name, name_key, created_at, updated_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'reference ' || n, 'reference ' || n, now(), now()
FROM generate_series(1, 1000) AS n;
-- The same history as Parlance's tables have.
INSERT INTO reference.rooms (id, name, name_key, created_at, updated_at, last_seq, rev)
SELECT id, name, name_key, created_at, updated_at, last_seq, rev FROM public.rooms WHERE last_seq > 0;
INSERT INTO reference.messages SELECT * FROM public.messages;
VACUUM ANALYZE reference.messages;
VACUUM ANALYZE reference.rooms;
-- The peer's tables, as its author would write them.
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.rooms (id uuid PRIMARY KEY, last_seq bigint NOT NULL DEFAULT 0);
CREATE TABLE peer.messages (
    id uuid PRIMARY KEY,
    room_id uuid NOT NULL REFERENCES peer.rooms (id),
    seq bigint NOT NULL,
    author text NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (room_id, seq)
);
INSERT INTO peer.rooms (id) SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(1, 100) AS n;
