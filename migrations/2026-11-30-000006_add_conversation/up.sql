-- Filling the read marks reads all memberships: connections of the server are told not to do that.
SET LOCAL enable_seqscan = on;
SET LOCAL enable_hashjoin = on;

ALTER TABLE messages
    -- The text with its formatting as JSON, ready to send; null when it is plain.
    ADD COLUMN body text,
    -- The beginning of the formatted text; null when it is that of the text itself.
    ADD COLUMN excerpt text,
    -- The message that is answered, and the first one of its thread.
    ADD COLUMN reply_to uuid,
    ADD COLUMN root_id uuid,
    -- Whether it is the first message of a thread, so that pages without threads look for none.
    ADD COLUMN has_replies boolean NOT NULL DEFAULT false,
    -- The reactions as JSON, ready to send; null without any. The rows of `reactions` are the truth.
    ADD COLUMN reactions text,
    ADD COLUMN pinned_at timestamptz;

ALTER TABLE messages ADD CONSTRAINT messages_reply_check CHECK ((reply_to IS NULL) = (root_id IS NULL)) NOT VALID;
ALTER TABLE messages ADD CONSTRAINT messages_content_check CHECK (
    deleted_at IS NULL
    OR (body IS NULL AND excerpt IS NULL AND reactions IS NULL AND pinned_at IS NULL)
) NOT VALID;

CREATE INDEX messages_root_id_idx ON messages (root_id, seq) WHERE root_id IS NOT NULL;
CREATE INDEX messages_pinned_at_idx ON messages (room_id, pinned_at) WHERE pinned_at IS NOT NULL;

CREATE TABLE threads (
    root_id uuid NOT NULL,
    count integer NOT NULL,
    last_seq bigint NOT NULL,
    CONSTRAINT threads_pkey PRIMARY KEY (root_id),
    CONSTRAINT threads_root_id_fkey FOREIGN KEY (root_id) REFERENCES messages (id) ON DELETE CASCADE
);

CREATE TABLE reactions (
    message_id uuid NOT NULL,
    emoji text NOT NULL,
    user_id uuid NOT NULL,
    -- The order in which users reacted.
    place bigint GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT reactions_pkey PRIMARY KEY (message_id, emoji, user_id),
    CONSTRAINT reactions_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE,
    CONSTRAINT reactions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX reactions_place_idx ON reactions (message_id, emoji, place);
-- The reactions of a user, and their own among those of a message.
CREATE INDEX reactions_user_id_idx ON reactions (user_id, message_id);

-- Former texts.
CREATE TABLE edits (
    message_id uuid NOT NULL,
    -- The rev of the edit that replaced the text.
    rev bigint NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT edits_pkey PRIMARY KEY (message_id, rev),
    CONSTRAINT edits_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
);

CREATE TABLE mentions (
    room_id uuid NOT NULL,
    seq bigint NOT NULL,
    -- The nil UUID: everybody.
    user_id uuid NOT NULL,
    author_id uuid NOT NULL,
    CONSTRAINT mentions_pkey PRIMARY KEY (room_id, seq, user_id),
    CONSTRAINT mentions_message_fkey FOREIGN KEY (room_id, seq) REFERENCES messages (room_id, seq) ON DELETE CASCADE
);

CREATE INDEX mentions_user_id_idx ON mentions (user_id, room_id, seq);

-- Members by their names, guests included.
CREATE INDEX users_username_key_idx ON users (username_key);

-- How far members have read. It moves no rev.
CREATE TABLE read_marks (
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    -- Grows with every change.
    version bigint NOT NULL DEFAULT 1,
    -- Null: the default of the room's visibility.
    notify text,
    CONSTRAINT read_marks_pkey PRIMARY KEY (room_id, user_id),
    CONSTRAINT read_marks_membership_fkey FOREIGN KEY (room_id, user_id)
        REFERENCES memberships (room_id, user_id) ON DELETE CASCADE,
    CONSTRAINT read_marks_notify_check CHECK (notify IN ('all', 'mentions', 'none'))
);

INSERT INTO read_marks (room_id, user_id, seq)
SELECT memberships.room_id, memberships.user_id, rooms.last_seq
FROM memberships JOIN rooms ON rooms.id = memberships.room_id;

-- Not if there are none: a table that is known to be empty is read by any index that fits, until it is analysed again.
DO $$ BEGIN
    IF EXISTS (SELECT FROM read_marks) THEN
        ANALYZE read_marks;
    END IF;
END $$;
