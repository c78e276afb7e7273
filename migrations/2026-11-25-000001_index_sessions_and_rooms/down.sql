DROP INDEX rooms_created_by_idx;
DROP INDEX sessions_created_at_idx;
