//! Creates long histories in little time: the database itself inserts the rows that the writers would have stored.

use crate::Outcome;
use crate::run::{Run, Version};

/// From this many new rows on, rebuilding the indexes is faster than maintaining them.
const REBUILD_FROM: u64 = 2_000_000;

/// The indexes and keys of `messages`, as the migrations create them.
const DROP_KEYS: &str = "ALTER TABLE messages DROP CONSTRAINT messages_pkey, \
    DROP CONSTRAINT messages_room_id_seq_key, DROP CONSTRAINT messages_room_id_rev_key; ";
const MAKE_KEYS: &str = "SET maintenance_work_mem = '512MB'; ALTER TABLE messages \
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id), \
    ADD CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq), \
    ADD CONSTRAINT messages_room_id_rev_key UNIQUE (room_id, rev); ";

/// The id of message `number` in a filled room. It begins like the room's id.
pub fn message_id(room: &str, number: u64) -> String {
    format!("{}-0000-7000-8000-{number:012x}", &room[..8])
}

/// Fills rooms that hold `from` messages each until they hold `to`. No server may be running.
pub fn fill(run: &Run, version: &Version, rooms: &[String], from: u64, to: u64) -> Outcome<()> {
    let rebuilds = (to - from) * rooms.len() as u64 >= REBUILD_FROM;
    let ids: Vec<String> = rooms.iter().map(|id| format!("'{id}'")).collect();
    let ids = ids.join(", ");
    let (drop_keys, make_keys) = if rebuilds { (DROP_KEYS, MAKE_KEYS) } else { ("", "") };
    run.cluster.query_in(version.database, &format!(
        // The rows satisfy the foreign keys by construction; checking each would take longer than everything else.
        "SET session_replication_role = replica; {drop_keys} \
         INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at) \
         SELECT (left(id::text, 8) || '000070008000' || lpad(to_hex(seq), 12, '0'))::uuid, id, \
         seq, seq, seq, lpad(to_hex(1 + seq % 1000), 32, '0')::uuid, 'Message ' || seq || ' of a long history.', seq, \
         now() FROM unnest(ARRAY[{ids}]::uuid[]) AS room (id), \
         generate_series({}, {to}) AS seq; \
         UPDATE rooms SET last_seq = {to}, rev = {to} WHERE id IN ({ids}); {make_keys} \
         VACUUM ANALYZE messages; VACUUM ANALYZE rooms; CHECKPOINT",
        from + 1
    ))?;
    Ok(())
}
