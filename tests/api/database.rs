//! The plans of queries, and the migrations of the schema up and down.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use serde_json::json;
use shared::bans::ban_path;
use shared::errors::ErrorCode;
use shared::ids::{Rev, RoomId};
use shared::invites::{INVITE_PREVIEW_PATH, invite_path, invites_path};
use shared::members::{Role, members_path};
use shared::messages::{changes_path, message_path, messages_path};
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, Room};
use shared::sessions::CURRENT_SESSION_PATH;
use shared::users::{CURRENT_USER_PATH, DELETION_PATH};
use support::app::TestApp;
use support::client::PASSWORD;
use support::db::TestDb;
use support::http::Response;
use support::wait::until;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// So many rooms and messages that a sequential scan would never be the right plan.
fn fill(db: &TestDb) {
    for sql in [
        "INSERT INTO users (id, username, username_key, kind, created_at) \
         SELECT gen_random_uuid(), 'guest ' || n, 'guest ' || n, 'guest', now() FROM generate_series(1, 3000) AS n",
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
         SELECT sha256(id::text::bytea), id, now(), now() FROM users",
        // Some are expired, by age or without use.
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
         SELECT sha256(username::bytea), id, now() - interval '91 days', \
         now() - CASE WHEN random() < 0.5 THEN interval '1 day' ELSE interval '15 days' END FROM users LIMIT 100",
        "INSERT INTO rooms (id, name, name_key, created_by, created_at, updated_at, last_seq, rev) \
         SELECT gen_random_uuid(), 'room ' || n, 'room ' || n, NULL, now() - n * interval '1 second', now(), \
         CASE WHEN n <= 10 THEN 1000 ELSE 0 END, CASE WHEN n <= 10 THEN 1000 ELSE 0 END \
         FROM generate_series(1, 3000) AS n",
        "INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at) \
         SELECT gen_random_uuid(), rooms.id, n, n, n, (SELECT id FROM users LIMIT 1), 'message ' || n, 0, now() \
         FROM rooms, generate_series(1, 1000) AS n WHERE rooms.last_seq = 1000",
        "INSERT INTO memberships (room_id, user_id, role, joined_at, rev, joined_rev) \
         SELECT rooms.id, members.id, 2, now(), 0, 0 FROM rooms, (SELECT id FROM users LIMIT 600) AS members \
         WHERE rooms.last_seq = 1000",
        "INSERT INTO bans (room_id, user_id, rank, created_at) \
         SELECT rooms.id, banned.id, 0, now() FROM rooms, (SELECT id FROM users ORDER BY id DESC LIMIT 600) AS banned \
         WHERE rooms.last_seq = 1000 ON CONFLICT DO NOTHING",
        "INSERT INTO invites (id, room_id, secret_hash, role, created_by, created_at) \
         SELECT gen_random_uuid(), rooms.id, sha256(users.id::text::bytea || rooms.id::text::bytea), 2, users.id, now() \
         FROM rooms, (SELECT id FROM users LIMIT 300) AS users WHERE rooms.last_seq = 1000",
        "INSERT INTO room_audit (id, room_id, at, action) \
         SELECT gen_random_uuid(), rooms.id, now(), 'rename' FROM rooms, generate_series(1, 300) WHERE last_seq = 1000",
        // For the janitor.
        "UPDATE rooms SET deleted_at = now() WHERE name = 'room 8'",
        "ANALYZE",
    ] {
        db.execute(sql);
    }
}

#[test]
fn no_query_scans_a_whole_table() {
    let db = TestDb::new();
    fill(&db);
    let found = sql_query("SELECT id::text AS line FROM rooms WHERE name = 'room 7'")
        .get_result::<Line>(&mut db.connect());
    let room: RoomId = found.expect("the room").line.parse().expect("an id");
    // From here on Postgres writes the plan of every query in this database to its log.
    let name = db.name().to_owned();
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_nested_statements = on",
    ] {
        db.execute(&format!("ALTER DATABASE {name} SET {setting}"));
    }
    let before = db.server_log().len();
    let app = TestApp::over(db, &["--rate-limits", "off"]);
    let grace = app.guest("Grace");
    app.member("Ada Lovelace").get(CURRENT_USER_PATH).expect(200);
    app.anonymous().get(CURRENT_USER_PATH).problem(401, ErrorCode::AuthenticationRequired);
    with_token(&app, "wrong").problem(401, ErrorCode::InvalidToken);

    let page: Page<Room> = grace.get(ROOMS_PATH).expect(200).json();
    let next = page.next_cursor.expect("there are more");
    let second: Page<Room> = grace.get(&format!("{ROOMS_PATH}?cursor={next}")).expect(200).json();
    let prev = second.prev_cursor.expect("there are some before");
    grace.get(&format!("{ROOMS_PATH}?limit=100&cursor={prev}")).expect(200);

    let newest = grace.messages(room, "limit=30");
    let before_cursor = newest.prev_cursor.expect("there are older ones");
    let older = grace.messages(room, &format!("limit=30&before={before_cursor}"));
    grace.messages(room, &format!("limit=30&after={}", older.next_cursor.expect("there are newer ones")));
    grace.messages(room, &format!("around={}", older.items[3].id));
    grace.get(&message_path(room, older.items[3].id)).expect(200);
    grace.get(&format!("{}?since=900", changes_path(room))).expect(200);
    app.socket().resume(room, Rev(950));
    let message = grace.send(room, "hello");
    grace.edit(&message, "hello again");
    grace.delete_message(&message);
    grace.get(&messages_path(room)).expect(200);
    let own = grace.create_room("of her own");
    grace.send(own.id, "hello");
    grace.rename_room(own.id, "of nobody else");
    grace.delete_room(own.id);
    app.guest("Grace").delete(CURRENT_SESSION_PATH).expect(204);
    use_memberships(&app, room);
    let mut conn = app.db().connect();
    sql_query("SET auto_explain.log_min_duration = -1").execute(&mut conn).expect("the test's own queries");
    let mut is_clean = |sql: &str| sql_query(sql).get_result::<Count>(&mut conn).expect("a count").count == 0;
    let left = "SELECT (SELECT count(*) FROM rooms WHERE name = 'room 8') + \
                (SELECT count(*) FROM sessions WHERE created_at < now() - interval '90 days') AS count";
    until("the janitor has been there", || is_clean(left).then_some(()));

    let log = app.db().server_log();
    let plans: Vec<&str> = log[before..].split("plan:").skip(1).collect();
    assert!(plans.len() > 30, "the plans were not logged: {}", &log[before..]);
    for plan in &plans {
        // All tasks are read because all are to be done; mostly there is none.
        let is_about_tasks = plan.contains("Seq Scan on user_tasks");
        assert!(is_about_tasks || !plan.contains("Seq Scan on "), "{plan}");
    }
    let queries = [
        "INSERT INTO \"users\"",
        "INSERT INTO \"sessions\"",
        "INSERT INTO \"rooms\"",
        "DELETE FROM \"sessions\"",
        "DELETE FROM \"rooms\"",
        "DELETE FROM \"messages\"",
        "INSERT INTO \"memberships\"",
        "INSERT INTO \"bans\"",
        "INSERT INTO \"invites\"",
        "INSERT INTO \"room_audit\"",
        "DELETE FROM \"bans\"",
        "\"users\".\"username_key\" = ",
        " ORDER BY \"sessions\".\"created_at\"",
        " ORDER BY \"sessions\".\"last_seen_at\"",
    ];
    for query in queries {
        let seen = plans.iter().any(|plan| plan.contains(query));
        assert!(seen, "no plan for {query}; what is this test looking at?");
    }
}

/// Queries of members, bans, invites and audit logs, in a large room and in one's own.
fn use_memberships(app: &TestApp, large: RoomId) {
    let (alan, kay) = (app.member("Alan Turing"), app.member("Kay McNulty"));
    alan.join(large);
    alan.get(&format!("{}?limit=20", members_path(large))).expect(200);
    alan.leave(large);
    let own = alan.create_private_room("of few").id;
    alan.add(own, &kay, Role::Moderator);
    alan.mute(own, &kay);
    alan.unmute(own, &kay);
    kay.get(&shared::users::user_path(alan.id())).expect(200);
    alan.ban(own, &kay);
    assert_eq!(alan.bans(own).len(), 1);
    alan.unban(own, &kay);
    let (made, secret) = alan.invite(own, json!({ "role": "moderator" }));
    app.anonymous().post(INVITE_PREVIEW_PATH, &json!({ "secret": secret })).expect(200);
    kay.redeem(&secret).expect(200);
    alan.get(&invites_path(own)).expect(200);
    alan.delete(&invite_path(own, made.invite.id)).expect(204);
    assert!(alan.audit(own).len() > 5);
    alan.transfer(own, &kay);
    kay.put(&ban_path(own, alan.id()), &json!({ "delete_seconds": 60 })).expect(204);
    kay.patch(CURRENT_USER_PATH, &json!({ "username": "Kathleen McNulty" })).expect(200);
    assert_eq!(kay.rooms().iter().filter(|room| room.id == own).count(), 1);
    kay.send(own, "alone");
    let body = json!({ "password": PASSWORD, "messages": "erase" });
    kay.post(DELETION_PATH, &body).expect(204);
    until("all tasks are done", || {
        (app.db().text("SELECT count(*)::text FROM user_tasks") == "0").then_some(())
    });
}

fn with_token(app: &TestApp, token: &str) -> Response {
    let request = app.anonymous().request("GET", CURRENT_USER_PATH);
    request.header("authorization", &format!("Bearer {token}")).send()
}

#[test]
fn every_foreign_key_except_that_of_authors_has_an_index() {
    let db = TestDb::new();
    let without = "SELECT conname::text AS line FROM pg_constraint WHERE contype = 'f' AND NOT EXISTS \
                   (SELECT FROM pg_index WHERE indrelid = conrelid AND indpred IS NULL AND indkey[0] = conkey[1])";
    let found = sql_query(without).load::<Line>(&mut db.connect()).expect("the constraints");
    let names: Vec<_> = found.into_iter().map(|line| line.line).collect();
    // It would make every insert slower, and users are never deleted.
    assert_eq!(names, ["messages_author_id_fkey"]);
}

#[test]
fn a_writer_that_started_on_an_empty_database_does_not_scan_the_grown_tables() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    alice.send_many(room.id, 300);
    alice.delete_message(&alice.edit(&alice.send(room.id, "one"), "two"));
    let mut conn = app.db().connect();
    let mut messages = |column: &str| {
        let sql = format!("SELECT {column} AS count FROM pg_stat_user_tables WHERE relname = 'messages'");
        sql_query(sql).get_result::<Count>(&mut conn).expect("it runs").count
    };
    // Postgres updates its statistics with a delay.
    until("all is counted", || (messages("n_tup_ins") >= 301).then_some(()));
    assert_eq!(messages("seq_tup_read"), 0);
}

/// Tables, columns, constraints and indexes, as text.
#[test]
fn a_writer_that_planned_before_anybody_wrote_looks_each_row_up_by_its_key() {
    const SENDS: usize = 200;
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for sql in [
        "INSERT INTO users (id, username, username_key, kind, created_at) \
         SELECT gen_random_uuid(), 'guest ' || n, 'guest ' || n, 'guest', now() FROM generate_series(1, 500) AS n",
        "INSERT INTO rooms (id, name, name_key, created_at, updated_at) \
         SELECT gen_random_uuid(), 'room ' || n, 'room ' || n, now(), now() FROM generate_series(1, 100) AS n",
        "INSERT INTO memberships (room_id, user_id, role, joined_at, rev, joined_rev) \
         SELECT rooms.id, users.id, 2, now(), 0, 0 FROM rooms, users ON CONFLICT DO NOTHING",
        // Postgres believes from here on that nobody has ever written.
        "VACUUM ANALYZE",
        "SELECT pg_stat_reset()",
    ] {
        app.db().execute(sql);
    }
    alice.send_many(room.id, SENDS);
    let read = |table: &str| -> usize {
        let sql = "SELECT coalesce(sum(idx_tup_read), 0)::text FROM pg_stat_user_indexes WHERE relname = ";
        app.db().text(&format!("{sql}'{table}'")).parse().expect("a number")
    };
    until("all is counted", || (read("memberships") >= SENDS).then_some(()));
    for table in ["messages", "memberships", "users", "rooms"] {
        assert!(read(table) <= 20 * SENDS, "{} rows of {table} for {SENDS} messages", read(table));
    }
}

fn schema(conn: &mut PgConnection) -> Vec<String> {
    let sql = "\
        SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || \
               coalesce(column_default, '') AS line \
        FROM information_schema.columns WHERE table_schema = 'public' \
        UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) \
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1";
    let lines = sql_query(sql).load::<Line>(conn).expect("the schema");
    lines.into_iter().map(|line| line.line).collect()
}

#[test]
fn migrations_go_down_one_by_one_and_up_again() {
    let db = TestDb::new();
    let mut conn = db.connect();
    let before = schema(&mut conn);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let migrations = || FileBasedMigrations::from_path(path).expect("the migrations");
    let mut sizes = vec![before.len()];
    while !conn.applied_migrations().expect("the list").is_empty() {
        conn.revert_last_migration(migrations()).expect("it goes down");
        sizes.push(schema(&mut conn).len());
    }
    assert!(sizes.len() > 3, "{sizes:?}");
    assert!(sizes.windows(2).all(|pair| pair[1] < pair[0]), "each takes something away: {sizes:?}");
    let left = sql_query(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%diesel%'",
    );
    assert_eq!(left.get_result::<Count>(&mut conn).expect("a count").count, 0);
    conn.run_pending_migrations(migrations()).expect("they go up");
    assert_eq!(schema(&mut conn), before);
}

#[test]
fn two_servers_can_migrate_an_empty_database_at_the_same_time() {
    let db = TestDb::empty();
    let url = db.url().to_owned();
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..2).map(|_| scope.spawn(|| support::app::start_server(&url, &[]))).collect();
        starts.into_iter().map(|start| start.join().expect("it starts")).collect()
    });
    let names = "SELECT string_agg(name, ', ') AS line FROM rooms";
    let rooms = sql_query(names).get_result::<Line>(&mut db.connect()).expect("the rooms");
    assert_eq!(rooms.line, "Lobby");
    servers.into_iter().for_each(api::Server::stop);
}

#[test]
fn every_constraint_of_the_database_has_an_explicit_name() {
    let db = TestDb::new();
    let nameless = "SELECT conname::text AS line FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
                    AND conrelid::regclass::text NOT LIKE '%diesel%' AND conname !~ '_(pkey|key|fkey|check|not_null)$'";
    let found = sql_query(nameless).load::<Line>(&mut db.connect()).expect("the constraints");
    assert!(found.is_empty(), "{:?}", found.iter().map(|line| &line.line).collect::<Vec<_>>());
}
