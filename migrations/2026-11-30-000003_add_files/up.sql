-- Files of messages. A row is there once the bytes are stored.
CREATE TABLE attachments (
    id uuid NOT NULL,
    -- Names the bytes, and is the end of their path. Random, and never used again.
    key text NOT NULL,
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- The message that took it. Until then it is its uploader's alone.
    message_id uuid,
    filename text NOT NULL,
    content_type text NOT NULL,
    size bigint NOT NULL,
    width integer,
    height integer,
    -- The media type of the thumbnail; null without one.
    thumbnail_type text,
    created_at timestamptz NOT NULL,
    CONSTRAINT attachments_pkey PRIMARY KEY (id),
    CONSTRAINT attachments_key_key UNIQUE (key),
    CONSTRAINT attachments_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id),
    CONSTRAINT attachments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT attachments_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id),
    CONSTRAINT attachments_size_check CHECK (size >= 0),
    CONSTRAINT attachments_sides_check CHECK ((width IS NULL) = (height IS NULL))
);

CREATE INDEX attachments_room_id_idx ON attachments (room_id);
CREATE INDEX attachments_user_id_idx ON attachments (user_id);
CREATE INDEX attachments_message_id_idx ON attachments (message_id);
-- What no message took.
CREATE INDEX attachments_unclaimed_idx ON attachments (created_at) WHERE message_id IS NULL;

-- Keys whose bytes are deleted once they are due. A key is here before its bytes are stored, so that nothing is left
-- behind by an upload that broke off; the transaction that stores its row takes it out.
CREATE TABLE file_deletions (
    key text NOT NULL,
    due_at timestamptz NOT NULL,
    CONSTRAINT file_deletions_pkey PRIMARY KEY (key)
);

CREATE INDEX file_deletions_due_at_idx ON file_deletions (due_at);

-- The key of the picture.
ALTER TABLE users ADD COLUMN avatar_key text;
ALTER TABLE rooms ADD COLUMN avatar_key text;
CREATE UNIQUE INDEX users_avatar_key_key ON users (avatar_key) WHERE avatar_key IS NOT NULL;
CREATE UNIQUE INDEX rooms_avatar_key_key ON rooms (avatar_key) WHERE avatar_key IS NOT NULL;

-- The files of a message as JSON, ready to send; null without any.
ALTER TABLE messages ADD COLUMN attachments text;
-- The text may be empty beside files. Messages that are stored fulfil it, so they are not read.
ALTER TABLE messages DROP CONSTRAINT messages_text_check;
ALTER TABLE messages ADD CONSTRAINT messages_text_check
    CHECK (char_length(text) BETWEEN 1 AND 4000 OR (text = '' AND attachments IS NOT NULL)) NOT VALID;
ALTER TABLE messages ADD CONSTRAINT messages_attachments_check
    CHECK (attachments IS NULL OR deleted_at IS NULL) NOT VALID;
