DROP TABLE user_tasks;
ALTER TABLE users DROP COLUMN deleted_at, DROP COLUMN address_hash;
DROP TABLE room_events;
DROP TABLE room_audit;
DROP TABLE invites;
DROP TABLE bans;
DROP TABLE memberships;
DROP INDEX rooms_created_at_idx;
CREATE INDEX rooms_created_at_idx ON rooms (created_at, id) WHERE deleted_at IS NULL;
DROP INDEX rooms_name_key;
CREATE UNIQUE INDEX rooms_name_key ON rooms (name_key) WHERE deleted_at IS NULL;
ALTER TABLE rooms
    DROP COLUMN topic,
    DROP COLUMN visibility,
    DROP COLUMN is_own,
    DROP COLUMN slow_mode_seconds,
    DROP COLUMN posting,
    DROP COLUMN member_count,
    DROP COLUMN rights_version;
