-- Identifies the history of this database. Restoring a backup changes it, so that clients forget what they have.
ALTER TABLE server_settings ADD COLUMN epoch uuid NOT NULL DEFAULT gen_random_uuid();
