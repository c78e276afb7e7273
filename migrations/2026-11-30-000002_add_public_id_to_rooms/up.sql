-- The id of a room that everybody may see. Whoever is not in a room looks for it by this: a hidden room is not found,
-- instead of found and refused, which takes exactly as long as an unknown one.
ALTER TABLE rooms ADD COLUMN public_id uuid
    GENERATED ALWAYS AS (CASE WHEN visibility = 'public' AND deleted_at IS NULL THEN id END) STORED;
CREATE UNIQUE INDEX rooms_public_id_idx ON rooms (public_id) WHERE public_id IS NOT NULL;
