-- Filling the memberships reads all messages: connections of the server are told not to do that.
SET LOCAL enable_seqscan = on;
SET LOCAL enable_hashjoin = on;

ALTER TABLE rooms
    ADD COLUMN topic text,
    ADD COLUMN visibility text NOT NULL DEFAULT 'public',
    -- The server's own: always public, and its admins count as owners.
    ADD COLUMN is_own boolean NOT NULL DEFAULT false,
    ADD COLUMN slow_mode_seconds integer NOT NULL DEFAULT 0,
    ADD COLUMN posting text NOT NULL DEFAULT 'all',
    ADD COLUMN member_count integer NOT NULL DEFAULT 0,
    -- Moved with everything that decides who may write: a statement that judged before it got the lock sees that it
    -- judged by what no longer holds.
    ADD COLUMN rights_version bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT rooms_topic_check CHECK (char_length(topic) BETWEEN 1 AND 250),
    ADD CONSTRAINT rooms_visibility_check CHECK (visibility IN ('public', 'private')),
    ADD CONSTRAINT rooms_own_check CHECK (NOT is_own OR visibility = 'public'),
    ADD CONSTRAINT rooms_slow_mode_check CHECK (slow_mode_seconds BETWEEN 0 AND 3600),
    ADD CONSTRAINT rooms_posting_check CHECK (posting IN ('all', 'accounts'));

-- Names are unique among public rooms only, so that a name that is taken discloses no private room.
DROP INDEX rooms_name_key;
CREATE UNIQUE INDEX rooms_name_key ON rooms (name_key) WHERE deleted_at IS NULL AND visibility = 'public';
-- The list of public rooms, oldest first. Those that a user is in are found by the user's memberships.
DROP INDEX rooms_created_at_idx;
CREATE INDEX rooms_created_at_idx ON rooms (created_at, id) WHERE deleted_at IS NULL AND visibility = 'public';

-- One row for each user who ever was in a room. It stays when the user leaves: a mute, the clock of the slow mode and
-- a lowered role outlive that.
CREATE TABLE memberships (
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- 0 owner, 1 moderator, 2 member, 3 guest; null while the user is no member.
    role smallint,
    joined_at timestamptz NOT NULL,
    -- The rev of the latest change of the membership, and that of the latest joining.
    rev bigint NOT NULL,
    joined_rev bigint NOT NULL,
    -- The rev of the leaving before the latest joining: tells whether the user was a member at some earlier rev.
    left_rev bigint,
    left_reason text,
    -- When the user was last removed: earlier invites do not lead back.
    removed_at timestamptz,
    muted_until timestamptz,
    -- The highest role that the user takes without somebody entitled: set when another lowers it.
    role_cap smallint,
    -- When the user last wrote, in rooms with a slow mode.
    sent_at timestamptz,
    CONSTRAINT memberships_pkey PRIMARY KEY (room_id, user_id),
    CONSTRAINT memberships_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
    CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT memberships_role_check CHECK (role BETWEEN 0 AND 3),
    CONSTRAINT memberships_role_cap_check CHECK (role_cap BETWEEN 0 AND 3),
    CONSTRAINT memberships_left_check CHECK ((role IS NULL) = (left_reason IS NOT NULL)),
    CONSTRAINT memberships_left_reason_check CHECK (left_reason IN ('left', 'removed', 'banned'))
);

-- The rooms of a user.
CREATE INDEX memberships_user_id_idx ON memberships (user_id);
-- The members of a room, by role and time.
CREATE INDEX memberships_members_idx ON memberships (room_id, role, joined_at, user_id) WHERE role IS NOT NULL;
-- What changed since a rev.
CREATE INDEX memberships_rev_idx ON memberships (room_id, rev);

CREATE TABLE bans (
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    banned_by uuid,
    -- The rank of who banned: -1 an admin of the server, else as a role. A lower rank does not unban.
    rank smallint NOT NULL,
    reason text,
    created_at timestamptz NOT NULL,
    -- Of a guest: the keyed hash of the address, from which no later guest writes for a while.
    address_hash bytea,
    CONSTRAINT bans_pkey PRIMARY KEY (room_id, user_id),
    CONSTRAINT bans_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
    CONSTRAINT bans_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT bans_banned_by_fkey FOREIGN KEY (banned_by) REFERENCES users (id)
);

CREATE INDEX bans_created_at_idx ON bans (room_id, created_at, user_id);
CREATE INDEX bans_user_id_idx ON bans (user_id);
CREATE INDEX bans_banned_by_idx ON bans (banned_by);

CREATE TABLE invites (
    id uuid NOT NULL,
    room_id uuid NOT NULL,
    -- SHA-256 of the secret in the link.
    secret_hash bytea NOT NULL,
    role smallint NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    max_uses bigint,
    uses bigint NOT NULL DEFAULT 0,
    revoked_at timestamptz,
    CONSTRAINT invites_pkey PRIMARY KEY (id),
    CONSTRAINT invites_secret_hash_key UNIQUE (secret_hash),
    CONSTRAINT invites_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
    CONSTRAINT invites_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT invites_role_check CHECK (role BETWEEN 1 AND 3),
    CONSTRAINT invites_uses_check CHECK (uses >= 0 AND (max_uses IS NULL OR uses <= max_uses))
);

CREATE INDEX invites_room_id_idx ON invites (room_id, id);
CREATE INDEX invites_created_by_idx ON invites (created_by);

-- What was done in rooms, never with the text of a message.
CREATE TABLE room_audit (
    id uuid NOT NULL,
    room_id uuid NOT NULL,
    at timestamptz NOT NULL,
    -- Null: the server itself, or the command line.
    actor_id uuid,
    action text NOT NULL,
    target_id uuid,
    before text,
    after text,
    reason text,
    count bigint,
    CONSTRAINT room_audit_pkey PRIMARY KEY (id),
    CONSTRAINT room_audit_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
    CONSTRAINT room_audit_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES users (id),
    CONSTRAINT room_audit_target_id_fkey FOREIGN KEY (target_id) REFERENCES users (id)
);

CREATE INDEX room_audit_room_id_idx ON room_audit (room_id, id);
CREATE INDEX room_audit_actor_id_idx ON room_audit (actor_id);
CREATE INDEX room_audit_target_id_idx ON room_audit (target_id);

-- Rooms that another process on this database changed: running servers publish what they lack.
CREATE TABLE room_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    room_id uuid NOT NULL,
    CONSTRAINT room_events_pkey PRIMARY KEY (id)
);

CREATE INDEX room_events_at_idx ON room_events (at);

ALTER TABLE users
    ADD COLUMN deleted_at timestamptz,
    -- Of a guest: the keyed hash of the address.
    ADD COLUMN address_hash bytea;

-- What is still to be done in the rooms of a user: a new name
-- or an account is a change of each membership, a deleted user leaves,
-- a disabled owner passes rooms on, messages are erased. The row goes when it is done, also after a restart.
CREATE TABLE user_tasks (
    user_id uuid NOT NULL,
    task text NOT NULL,
    -- Grows when the task is asked for again while it is being done.
    version bigint NOT NULL DEFAULT 0,
    CONSTRAINT user_tasks_pkey PRIMARY KEY (user_id, task),
    CONSTRAINT user_tasks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT user_tasks_task_check CHECK (task IN ('rename', 'upgrade', 'pass_on', 'leave', 'erase'))
);

-- The first room is the server's own.
UPDATE rooms SET is_own = true
WHERE id = (SELECT id FROM rooms WHERE created_by IS NULL AND deleted_at IS NULL ORDER BY created_at, id LIMIT 1);

-- Every author is a member since their first message, every creator an owner. No rev moves.
INSERT INTO memberships (room_id, user_id, role, joined_at, rev, joined_rev)
SELECT found.room_id, found.user_id, CASE WHEN users.kind = 'guest' THEN 3 ELSE 2 END, found.joined_at, 0, 0
FROM (SELECT room_id, author_id AS user_id, min(created_at) AS joined_at FROM messages GROUP BY room_id, author_id)
    AS found
JOIN users ON users.id = found.user_id;

INSERT INTO memberships (room_id, user_id, role, joined_at, rev, joined_rev)
SELECT id, created_by, 0, created_at, 0, 0 FROM rooms WHERE created_by IS NOT NULL
ON CONFLICT (room_id, user_id) DO UPDATE SET role = 0, joined_at = EXCLUDED.joined_at;

UPDATE rooms SET member_count = counted.count
FROM (SELECT room_id, count(*) AS count FROM memberships GROUP BY room_id) AS counted
WHERE rooms.id = counted.room_id;

-- Not if there are none: a table that is known to be empty is read by any index that fits, until it is analysed again.
DO $$ BEGIN
    IF EXISTS (SELECT FROM memberships) THEN
        ANALYZE memberships;
    END IF;
END $$;
