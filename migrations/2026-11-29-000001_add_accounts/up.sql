ALTER TABLE users
    -- What the name looks like (Unicode TS 39): no two accounts look alike. Null for guests.
    ADD COLUMN username_skeleton text,
    ADD COLUMN is_admin boolean NOT NULL DEFAULT false,
    ADD COLUMN disabled_at timestamptz,
    ADD CONSTRAINT users_admin_check CHECK (NOT is_admin OR kind = 'member');

CREATE UNIQUE INDEX users_account_skeleton_key ON users (username_skeleton) WHERE kind <> 'guest';

-- The few admins.
CREATE INDEX users_admin_idx ON users (id) WHERE is_admin;

-- Apart from `users`, so that no query for users can read them.
CREATE TABLE passwords (
    user_id uuid NOT NULL,
    -- Argon2id in the PHC string format, with its parameters and its salt.
    hash text NOT NULL,
    CONSTRAINT passwords_pkey PRIMARY KEY (user_id),
    CONSTRAINT passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- Names that accounts gave up: nobody else takes them for a while.
CREATE TABLE retired_names (
    username_key text NOT NULL,
    username_skeleton text NOT NULL,
    user_id uuid NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT retired_names_pkey PRIMARY KEY (username_key),
    CONSTRAINT retired_names_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX retired_names_skeleton_idx ON retired_names (username_skeleton);
CREATE INDEX retired_names_user_id_idx ON retired_names (user_id);

ALTER TABLE sessions
    -- Names the session to its user; the token is the secret.
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN user_agent text,
    ADD COLUMN address text;

CREATE UNIQUE INDEX sessions_id_key ON sessions (id);

-- What other servers on this database must learn within moments: a session ended, or a user changed.
CREATE TABLE identity_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The session that ended; null if the user changed.
    token_hash bytea,
    user_id uuid NOT NULL,
    -- Whether the user was disabled, which clients are told by another close code.
    is_disabled boolean NOT NULL DEFAULT false,
    CONSTRAINT identity_events_pkey PRIMARY KEY (id)
);

CREATE INDEX identity_events_at_idx ON identity_events (at);

-- One row: the settings that admins change while the server runs.
CREATE TABLE server_settings (
    is_only boolean NOT NULL DEFAULT true,
    -- Null: as the server's flag says.
    registration text,
    guests text,
    -- When the first admin was decided. It happens once.
    first_admin_at timestamptz,
    -- Signs the cookies by which browsers are recognised that have signed in before.
    device_key bytea NOT NULL DEFAULT
        sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
    CONSTRAINT server_settings_pkey PRIMARY KEY (is_only),
    CONSTRAINT server_settings_is_only_check CHECK (is_only),
    CONSTRAINT server_settings_registration_check CHECK (registration IN ('open', 'closed')),
    CONSTRAINT server_settings_guests_check CHECK (guests IN ('open', 'invited', 'off'))
);

INSERT INTO server_settings DEFAULT VALUES;

-- Links that let a user choose a new password once.
CREATE TABLE password_resets (
    -- SHA-256 of the secret in the link.
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT password_resets_pkey PRIMARY KEY (token_hash),
    CONSTRAINT password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX password_resets_user_id_idx ON password_resets (user_id);

-- What admins did.
CREATE TABLE server_audit (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    -- Null: the command line.
    actor_id uuid,
    action text NOT NULL,
    target_id uuid,
    CONSTRAINT server_audit_pkey PRIMARY KEY (id),
    CONSTRAINT server_audit_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT server_audit_target_id_fkey FOREIGN KEY (target_id) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX server_audit_actor_id_idx ON server_audit (actor_id);
CREATE INDEX server_audit_target_id_idx ON server_audit (target_id);

-- Personal API tokens.
CREATE TABLE tokens (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- SHA-256 of the token; the token itself is nowhere.
    token_hash bytea NOT NULL,
    name text NOT NULL,
    may_read boolean NOT NULL,
    may_write boolean NOT NULL,
    may_administer boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at timestamptz,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT tokens_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT tokens_scopes_check CHECK (may_read OR may_write OR may_administer)
);

CREATE INDEX tokens_user_id_idx ON tokens (user_id);
