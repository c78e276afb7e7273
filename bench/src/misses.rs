//! Why targets are missed, as far as profiles and experiments have shown, and what would reach them.

/// Parts of a target's name, and what is known of it.
const KNOWN: [(&str, &str); 8] = [
    (
        "A lone message",
        "the statement that stores any number of messages takes 0.05 to 0.1 ms longer for a single one than the \
         reference's; the rest is HTTP and the two hand-overs between its thread and the writer's. A statement of its \
         own for one message would save the first.",
    ),
    (
        "Flushes a message",
        "64 connections are shared by two writers, so about 14 messages wait for each while one commits. One writer \
         halves the flushes, but stored a third less at 256 connections (tried with `WRITERS = 1`).",
    ),
    (
        "sockets, steady: CPU",
        "of the server's samples 81 % are in the kernel's send path, as in the bare loop; 7 % in the postmen, 5 % in the \
         writer that fills the outboxes, 4 % in the allocator. Storing 20 messages a second comes on top, divided among \
         1,000 deliveries each; among 5,000 it hardly shows. Followers kept per worker thread, without a lock and a \
         reference count for each, would save most of the writer's part.",
    ),
    (
        "1000 sockets in 1 room",
        "what the allocator takes once for a burst of handshakes is divided by 1,000 here; among 10,000 it hardly \
         shows.",
    ),
    (
        "in 20 rooms each",
        "each room followed costs about 0.2 KiB: an entry in the room's table of followers and one in the connection's \
         list. Small numbers for rooms and connections instead of ids and references would make it a tenth.",
    ),
    (
        "`/api/v1/rooms`, database up",
        "the first query waits for a connection of the pool, whose backend the database has to fork and warm up; \
         `/livez` needs none.",
    ),
    (
        "Deepest page: rate",
        "before its query a page asks whether the pooled connection is alive: without that it was about a tenth more, \
         but the first readers after a crash of the database got errors. Looking at the connection's socket instead of \
         asking would save it; the rest is the way to a thread that may block, and HTTP.",
    ),
    (
        "p99 of those who read",
        "the stalled are cut off at the same moment, 500 at once, and until then each event is queued for them too.",
    ),
];

/// What is known of the target with this name.
pub fn why(what: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(part, _)| what.contains(part)).map(|(_, why)| *why)
}
