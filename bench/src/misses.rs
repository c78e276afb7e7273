//! Why targets are missed: what a profile shows, and what would get there.

/// Parts of a target's name, and what is known of it.
const KNOWN: [(&str, &str); 8] = [
    (
        "100 rooms: rate ÷ P1",
        "the machine's speed changes faster than rounds do: one binary stored 14,800 and 18,400 a second within three \
         minutes, so rounds lie far apart on both sides of the target. Of both cores, Postgres takes 48 % (10 its indexes, 10 the foreign \
         keys, 5 the flush), the workers 27, the load tool 12, the writers 5. Five of the workers' 27 are the regular expressions \
         of actix' routes, which would go with routes matched by their segments.",
    ),
    (
        "A lone message",
        "by a trace of the scheduler (`perf sched`), of 517 µs from a client's write to its answer 383 pass between \
         handing the statement to Postgres and its answer, where the reference takes 350 for everything: the statement for any \
         number of rows costs 20 to 50 µs more than the one for a single row. The rest is the worker's (28 µs before, 25 \
         after), the writer's (23 and 18), the client's (20), and waking each. A statement without windows was tried: \
         no quicker. A database connection in the worker's own event loop would spare two wake-ups, about 40 µs; \
         Diesel's connections block.",
    ),
    (
        "Flushes a message",
        "64 connections are shared by two writers, so about 13 messages go into a commit. One writer puts more into \
         each, but stored 4 to 10 % less at 64 connections and 6 to 19 % less at 256, tried in turns.",
    ),
    (
        "sockets, steady: CPU",
        "of the CPU that server and database use at 1,000 sockets, 79 % is the kernel's, for sending; 8 % is the workers' own \
         code, most of it at the outbox's queue; 4 % is the writer's, which puts the frame into 1,000 \
         outboxes; 9 % is Postgres', which stores 20 messages a second as the bare loop does not. One worker thread \
         instead of two was no better. Followers kept by each worker itself, without an outbox to hand over, \
         would save a part of the 4 and the 8 %.",
    ),
    (
        "1000 sockets in 1 room",
        "one after the other, the same thousand take 3.4 KiB each: the rest is what the allocator keeps of a burst of \
         handshakes, once, and among 10,000 sockets it hardly counts. mimalloc instead of glibc's allocator was tried: 16.8 KiB, \
         and twice the memory at rest.",
    ),
    (
        "in 20 rooms each",
        "a room that is followed costs about 0.2 KiB: an entry in the room's tables of followers and of people, one in the \
         connection's list. Small numbers for rooms, people and connections instead of ids and references should halve that.",
    ),
    (
        "`/api/v1/rooms`, database up",
        "a new connection of Postgres needs 2 ms for its first statements, where later ones take 0.1, and while it does so two more \
         start for the writers on the same cores. To let a writer take over the connection of the migrations was tried: \
         no difference.",
    ),
    (
        "p99 of those who read",
        "with the stalled the server uses as much CPU as without them; only the writer's share is larger (4.5 instead of \
         2.6 % of all), for it queues for them too. What is left is chance: both cores are five sixths busy, so p99 differs by a third \
         from one round to the next.",
    ),
];

/// What is known of the target with this name.
pub fn why(what: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(part, _)| what.contains(part)).map(|(_, why)| *why)
}
