ALTER TABLE messages DROP CONSTRAINT messages_attachments_check;
UPDATE messages SET text = '(files)' WHERE text = '';
ALTER TABLE messages DROP CONSTRAINT messages_text_check;
ALTER TABLE messages ADD CONSTRAINT messages_text_check CHECK (char_length(text) BETWEEN 1 AND 4000);
ALTER TABLE messages DROP COLUMN attachments;
ALTER TABLE rooms DROP COLUMN avatar_key;
ALTER TABLE users DROP COLUMN avatar_key;
DROP TABLE file_deletions;
DROP TABLE attachments;
