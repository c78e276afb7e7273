CREATE TABLE rooms (
    id uuid NOT NULL,
    name text NOT NULL,
    -- The name after case folding and normalization: what "the same name" means.
    name_key text NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- The newest message's seq, and the latest change's rev: moved with what they number, under this row's lock.
    last_seq bigint NOT NULL DEFAULT 0,
    rev bigint NOT NULL DEFAULT 0,
    -- The rev of the latest change to the room itself; 0 while it is as it was created.
    updated_rev bigint NOT NULL DEFAULT 0,
    deleted_at timestamptz,
    CONSTRAINT rooms_pkey PRIMARY KEY (id),
    CONSTRAINT rooms_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT rooms_name_check CHECK (char_length(name) BETWEEN 1 AND 80),
    CONSTRAINT rooms_counters_check CHECK (last_seq >= 0 AND rev >= last_seq AND updated_rev <= rev)
);

-- Names are unique among the living and free again after deletion.
CREATE UNIQUE INDEX rooms_name_key ON rooms (name_key) WHERE deleted_at IS NULL;
-- The room list, oldest first.
CREATE INDEX rooms_created_at_idx ON rooms (created_at, id) WHERE deleted_at IS NULL;
-- What is left to purge.
CREATE INDEX rooms_deleted_at_idx ON rooms (deleted_at) WHERE deleted_at IS NOT NULL;
