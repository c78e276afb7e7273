ALTER TABLE rooms DROP COLUMN public_id;
