ALTER TABLE server_settings DROP COLUMN epoch;
