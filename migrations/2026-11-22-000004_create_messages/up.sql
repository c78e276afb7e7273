CREATE TABLE messages (
    id uuid NOT NULL,
    room_id uuid NOT NULL,
    seq bigint NOT NULL,
    rev bigint NOT NULL,
    -- The rev it was created with: tells who was away whether a message is new to them or only changed.
    born_rev bigint NOT NULL,
    author_id uuid NOT NULL,
    -- Null in a tombstone.
    text text,
    -- Of the text as it was first sent: tells a repeat from a reuse of the id, whatever was edited since.
    sent_hash bigint NOT NULL,
    created_at timestamptz NOT NULL,
    edited_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT messages_pkey PRIMARY KEY (id),
    CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
    CONSTRAINT messages_author_id_fkey FOREIGN KEY (author_id) REFERENCES users (id),
    -- The order and the pages.
    CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq),
    -- "What changed since": the whole of resume.
    CONSTRAINT messages_room_id_rev_key UNIQUE (room_id, rev),
    CONSTRAINT messages_counters_check CHECK (seq >= 1 AND born_rev >= seq AND rev >= born_rev),
    CONSTRAINT messages_text_check CHECK (char_length(text) BETWEEN 1 AND 4000),
    CONSTRAINT messages_tombstone_check CHECK ((text IS NULL) = (deleted_at IS NOT NULL))
);
