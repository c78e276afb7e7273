CREATE TABLE users (
    id uuid NOT NULL,
    username text NOT NULL,
    -- The name after case folding and normalization: what "the same name" means.
    username_key text NOT NULL,
    kind text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_kind_check CHECK (kind IN ('guest', 'member', 'bot')),
    CONSTRAINT users_username_check CHECK (char_length(username) BETWEEN 1 AND 64)
);

-- Guests may share a name; accounts may not.
CREATE UNIQUE INDEX users_account_name_key ON users (username_key) WHERE kind <> 'guest';
