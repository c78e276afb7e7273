//! Why targets are missed: what was seen, and apart from it what is only supposed.

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
        "64 connections are shared by two writers, so about 13 messages go into a commit. One writer, tried once with \
         `WRITERS = 1`, stored a third less at 256 connections; its flushes were not counted.",
    ),
    (
        "sockets, steady: CPU",
        "of the server's samples at 1,000 sockets 81 % were in the kernel, 7 % in the workers' own code, 5 % in the \
         writers', 4 % in the allocator; that was before the last two savings there, and not profiled since. \
         Storing 20 messages a second comes on top, divided among 1,000 deliveries each. Supposed to help, not tried: followers kept per worker thread, without a lock and a \
         reference count for each.",
    ),
    (
        "1000 sockets in 1 room",
        "not profiled. Among 10,000 it is less than half, so a good part is taken once: supposedly by the allocator, for \
         a burst of handshakes.",
    ),
    (
        "in 20 rooms each",
        "each room followed costs about 0.2 KiB: an entry in the room's table of followers and one in the connection's \
         list. Supposed to help, not tried: small numbers for rooms and connections instead of ids and references.",
    ),
    (
        "`/api/v1/rooms`, database up",
        "not profiled. `/livez` asks the database nothing; supposedly the difference is the pool's first connection.",
    ),
    (
        "Deepest page: rate",
        "not profiled. Before its query a page asks whether the pooled connection is alive; leaving that out was tried and \
         given up, because the first readers after a crash of the database got errors. What it costs was not measured by \
         itself.",
    ),
    (
        "p99 of those who read",
        "not profiled. Supposed: the stalled are cut off at the same moment, 500 at once, and until then each event is \
         queued for them too.",
    ),
];

/// What is known of the target with this name.
pub fn why(what: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(part, _)| what.contains(part)).map(|(_, why)| *why)
}
