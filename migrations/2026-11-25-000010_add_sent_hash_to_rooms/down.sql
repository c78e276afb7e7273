ALTER TABLE rooms DROP COLUMN sent_hash;
