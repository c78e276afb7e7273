//! The database of the release before: rooms get owners and members, and no rev moves.

use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use serde_json::json;
use shared::ids::{Rev, RoomId};
use shared::members::Role;
use shared::rooms::Visibility;
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::db::TestDb;
use support::socket::TestSocket;

/// The last migration of the release before.
const BEFORE: &str = "20261129000001";

const LOBBY: &str = "0190a5b0-0000-7000-8000-0000000000a0";
const BUSY: &str = "0190a5b0-0000-7000-8000-0000000000a1";
const EMPTY: &str = "0190a5b0-0000-7000-8000-0000000000a2";
const DELETED: &str = "0190a5b0-0000-7000-8000-0000000000a3";
const OWNERLESS: &str = "0190a5b0-0000-7000-8000-0000000000a4";
const ALICE: &str = "0190a5b0-0000-7000-8000-0000000000b1";
const GRACE: &str = "0190a5b0-0000-7000-8000-0000000000b2";
const ADA: &str = "0190a5b0-0000-7000-8000-0000000000b3";

/// A database as the release before left it.
pub fn old_database() -> TestDb {
    let db = TestDb::empty();
    let mut conn = db.connect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let migrations = || FileBasedMigrations::from_path(path).expect("the migrations");
    loop {
        let applied = conn.run_next_migration(migrations()).expect("it goes up");
        if applied.to_string() == BEFORE {
            break;
        }
    }
    let user = |id: &str, name: &str, kind: &str| {
        db.execute(&format!(
            "INSERT INTO users (id, username, username_key, kind, created_at) \
             VALUES ('{id}', '{name}', lower('{name}'), '{kind}', now())"
        ));
        db.execute(&format!(
            "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
             VALUES (sha256('token of {name}'), '{id}', now(), now())"
        ));
    };
    user(ALICE, "Alice", "guest");
    user(GRACE, "Grace", "guest");
    user(ADA, "Ada", "member");
    let room = |id: &str, name: &str, creator: &str, age: u32, deleted: &str| {
        db.execute(&format!(
            "INSERT INTO rooms (id, name, name_key, created_by, created_at, updated_at, deleted_at) VALUES \
             ('{id}', '{name}', lower('{name}'), {creator}, now() - interval '{age} days', now(), {deleted})"
        ));
    };
    room(LOBBY, "Lobby", "NULL", 9, "NULL");
    room(BUSY, "Busy", &format!("'{ALICE}'"), 8, "NULL");
    room(EMPTY, "Empty", &format!("'{ADA}'"), 7, "NULL");
    room(DELETED, "Deleted", &format!("'{ADA}'"), 6, "now()");
    room(OWNERLESS, "Ownerless", "NULL", 5, "NULL");
    // Alice and Ada write by turns in the busy room, Grace in the lobby; some are edited and deleted.
    db.execute(&format!(
        "INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at, deleted_at) \
         SELECT gen_random_uuid(), '{BUSY}', n, CASE WHEN n = 3 THEN 60 ELSE n END, n, \
         (CASE WHEN n % 2 = 0 THEN '{ALICE}' ELSE '{ADA}' END)::uuid, \
         CASE WHEN n = 3 THEN NULL ELSE 'message ' || n END, 0, \
         timestamptz '2026-11-20T10:00:00Z' + n * interval '1 minute', CASE WHEN n = 3 THEN now() END \
         FROM generate_series(1, 50) AS n"
    ));
    db.execute(&format!("UPDATE rooms SET last_seq = 50, rev = 60 WHERE id = '{BUSY}'"));
    db.execute(&format!(
        "INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at) VALUES \
         (gen_random_uuid(), '{LOBBY}', 1, 1, 1, '{GRACE}', 'hello', 0, timestamptz '2026-11-21T09:30:00Z')"
    ));
    db.execute(&format!("UPDATE rooms SET last_seq = 1, rev = 1 WHERE id = '{LOBBY}'"));
    db
}

fn id(text: &str) -> RoomId {
    text.parse().expect("a UUID")
}

#[test]
fn creators_become_owners_authors_members_and_the_first_room_the_servers_own() {
    let app = TestApp::over(old_database(), &["--rate-limits", "off"]);
    let anonymous = app.anonymous();
    let rooms = anonymous.rooms();
    let names: Vec<_> = rooms.iter().map(|room| (room.name.as_str(), room.is_own, room.visibility)).collect();
    let public = Visibility::Public;
    let expected = [
        ("Lobby", true, public),
        ("Busy", false, public),
        ("Empty", false, public),
        ("Ownerless", false, public),
    ];
    assert_eq!(names, expected);

    let busy = anonymous.room(id(BUSY));
    assert_eq!((busy.rev, busy.last_seq.0, busy.member_count), (Rev(60), 50, 2));
    assert_eq!((busy.topic, busy.slow_mode_seconds), (None, 0));
    let members = anonymous.members(id(BUSY));
    let found: Vec<_> =
        members.iter().map(|one| (one.user.id.to_string(), one.role, json!(one.joined_at))).collect();
    assert_eq!(found[1], (ADA.to_owned(), Role::Member, json!("2026-11-20T10:01:00.000Z")));
    assert_eq!((found[0].0.as_str(), found[0].1), (ALICE, Role::Owner));
    let lobby = anonymous.members(id(LOBBY));
    assert_eq!(lobby.len(), 1);
    assert_eq!((lobby[0].user.id.to_string().as_str(), lobby[0].role), (GRACE, Role::Guest));
    assert_eq!(json!(lobby[0].joined_at), json!("2026-11-21T09:30:00.000Z"));
    assert_eq!(anonymous.room(id(LOBBY)).rev, Rev(1));
    let empty = anonymous.members(id(EMPTY));
    assert_eq!((empty.len(), empty[0].user.id.to_string().as_str(), empty[0].role), (1, ADA, Role::Owner));
    assert_eq!(anonymous.room(id(EMPTY)).rev, Rev(0));
}

#[test]
fn what_was_migrated_is_no_change_and_rooms_go_on_from_their_rev() {
    let app = TestApp::over(old_database(), &["--rate-limits", "off"]);
    let anonymous = app.anonymous();
    let changes = anonymous.changes(id(BUSY), Rev(0));
    assert_eq!(changes.members, [], "their rev is 0");
    let mut socket = app.socket();
    assert_eq!(socket.resume(id(BUSY), Rev(60)).rev, Rev(60));
    let user = anonymous.members(id(BUSY))[0].user.clone();
    let alice = TestClient::known(app.addr(), user, "token of Alice");
    let sent = alice.send(id(BUSY), "still here");
    assert_eq!((sent.seq.0, sent.rev), (51, Rev(61)), "who is in need not join");
    assert_eq!(socket.next_change().0, Rev(61));
    // The creator owns the room, and can do what owners do.
    let renamed = alice.rename_room(id(BUSY), "Busier");
    assert_eq!(renamed.rev, Rev(62));
    assert_eq!(renamed.viewer.and_then(|viewer| viewer.role), Some(Role::Owner));
    let ada =
        anonymous.members(id(BUSY)).into_iter().find(|one| one.user.id.to_string() == ADA).expect("a member");
    let ada = TestClient::known(app.addr(), ada.user, "token of Ada");
    let mut adas = TestSocket::connect(&ada);
    alice.remove(id(BUSY), &ada);
    assert_eq!(adas.viewer_updated(id(BUSY)).role, None);
    assert_eq!(ada.room(id(EMPTY)).viewer.and_then(|viewer| viewer.role), Some(Role::Owner));
    assert!(app.sign_in("Ada", PASSWORD).status >= 400);
}

#[test]
fn the_migration_goes_down_and_up_again_with_rows() {
    let db = old_database();
    let mut conn = db.connect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let migrations = || FileBasedMigrations::from_path(path).expect("the migrations");
    conn.run_pending_migrations(migrations()).expect("it goes up");
    while conn.applied_migrations().expect("the list")[0].to_string() != BEFORE {
        conn.revert_last_migration(migrations()).expect("it goes down");
    }
    conn.run_pending_migrations(migrations()).expect("it goes up again");
    assert_eq!(db.text("SELECT count(*)::text FROM memberships"), "5");
}
