DROP TABLE tokens;
DROP TABLE server_audit;
DROP TABLE password_resets;
DROP TABLE server_settings;
DROP TABLE identity_events;
ALTER TABLE sessions DROP COLUMN address, DROP COLUMN user_agent, DROP COLUMN id;
DROP TABLE retired_names;
DROP TABLE passwords;
DROP INDEX users_admin_idx;
DROP INDEX users_account_skeleton_key;
ALTER TABLE users
    DROP CONSTRAINT users_admin_check,
    DROP COLUMN disabled_at,
    DROP COLUMN is_admin,
    DROP COLUMN username_skeleton;
