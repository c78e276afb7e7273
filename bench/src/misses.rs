//! Known reasons for missed targets: what a profile shows, and what would help.

/// A part of a target's name and the reason. An entry is deleted with its target, and when the code that it describes
/// has changed.
const REASONS: [(&str, &str); 10] = [
    (
        "100 rooms: rate ÷ P1",
        "the machine's speed varies more than the rounds: one binary stored 14,800 and 18,400 messages a second within \
         three minutes, so rounds lie on both sides of the target. Of both cores, Postgres uses 48 % (10 for indexes, 10 \
         for foreign keys, 5 for the flush), the workers 27, the load tool 12, the writers 5. Since rooms have \
         members, each message also looks one membership up.",
    ),
    (
        "A lone message",
        "a trace of the scheduler (`perf sched`) shows 517 µs from a client's write to its answer. Of these, 383 pass \
         between handing the statement to Postgres and its result, where the reference takes 350 for everything: the \
         statement for any number of rows costs 20 to 50 µs more than the one for a single row. The worker takes 28 µs \
         before and 25 after, the writer 23 and 18, the client 20; the rest is waking each of them. A statement without \
         window functions was not faster. A database connection in the worker's event loop would save two wake-ups, \
         about 40 µs, but Diesel's connections block.",
    ),
    (
        "Flushes a message",
        "two writers share 64 connections, so a commit holds about 13 messages. One writer stores more messages with \
         each commit, but 4 to 10 % fewer a second at 64 connections and 6 to 19 % fewer at 256, measured in turns.",
    ),
    (
        "steady: CPU a delivery",
        "a profile (`perf`) of the server at 1,000 sockets shows 72 % in the kernel, for sending, 19 % in the workers, \
         which poll a task of actix-http for each delivery, and 5 % in the writer. Before actix-ws, one task of each \
         worker thread wrote to all of its sockets.",
    ),
    (
        "8 in flight",
        "with 8 messages in flight to 1,000 sockets the server waits for the load tool and for commits: it uses 1.1 of \
         the 2 cores. The version before actix-ws was about as quick.",
    ),
    (
        "idle sockets in",
        "`malloc_stats` shows 23 KiB allocated for an anonymous socket after its handshake, of which 16 are resident. \
         16 of the 23 are the two buffers of actix-http, of which only the used pages are resident; 3.3 are the tasks \
         of the connection; about 2 are the channel inside the response body of actix-ws, which is not used but must \
         be kept. The list of people and further rooms use more of the write buffer.",
    ),
    (
        "Page from the database, formatted",
        "a formatted page with replies and reactions is about three times as large, and its quotes and own reactions are \
         made for each reader. It is one statement, as a plain one is.",
    ),
    (
        "Page from the memory, formatted",
        "both are copied as they lie there. A formatted page with replies and reactions has 3.7 times as many bytes.",
    ),
    (
        "A reaction is seen",
        "a message is stored by one statement. A reaction takes two, because its sum is made of what the message has.",
    ),
    (
        "`/api/v1/rooms`, database up",
        "a new Postgres connection needs 2 ms for its first statements, where later ones take 0.1, and two more \
         connections start for the writers on the same cores at the same time. Giving a writer the connection of the \
         migrations made no difference.",
    ),
];

/// The known reason why the target with this name is missed.
pub fn reason(target: &str) -> Option<&'static str> {
    REASONS.iter().find(|(part, _)| target.contains(part)).map(|(_, reason)| *reason)
}
