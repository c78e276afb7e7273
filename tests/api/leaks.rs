//! Nothing of a private room reaches anybody outside, on any path, while people are added, removed and banned under
//! load; and no secret reaches anybody but its owner, nor the log.

use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::events::{ClientCommand, ServerEvent};
use shared::ids::RoomId;
use shared::members::{Role, members_path};
use shared::messages::{changes_path, messages_path};
use shared::pins::{pin_path, pins_path};
use shared::reactions::reaction_path;
use shared::rooms::{ROOMS_PATH, Room, room_path};
use shared::users::USERS_PATH;
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::db::TestDb;
use support::socket::TestSocket;
use support::temp_dir::TempDir;
use support::transport::Transport;

use crate::program::Program;

/// How long the load lasts.
const LOAD: Duration = Duration::from_secs(4);
/// Within this time of the answer to the one who removed somebody, the last byte of the room has reached them.
const GRACE: Duration = Duration::from_secs(2);

/// Everything of a room carries its marker: its names, topics and messages.
fn marker(room: usize) -> String {
    format!("leak{room}marker")
}

/// A time in which somebody may see a room: from the request that lets them in to the grace after their removal.
#[derive(Clone, Copy, Debug)]
struct Sight {
    from: Instant,
    until: Option<Instant>,
}

/// A person, and when they may see which room.
struct Person {
    client: TestClient,
    sights: Vec<Mutex<Vec<Sight>>>,
}

impl Person {
    fn new(client: TestClient, rooms: usize) -> Self {
        Self { client, sights: (0..rooms).map(|_| Mutex::new(Vec::new())).collect() }
    }

    fn comes(&self, room: usize) {
        let sight = Sight { from: Instant::now(), until: None };
        self.sights[room].lock().expect("no panic").push(sight);
    }

    fn is_gone(&self, room: usize) {
        let mut sights = self.sights[room].lock().expect("no panic");
        sights.last_mut().expect("they came").until = Some(Instant::now() + GRACE);
    }

    /// Whether they may see the room at some time between these.
    fn may_see(&self, room: usize, asked: Instant, received: Instant) -> bool {
        let sights = self.sights[room].lock().expect("no panic");
        sights.iter().any(|sight| sight.from <= received && sight.until.is_none_or(|until| asked <= until))
    }

    /// Asserts that a text holds nothing of rooms that they may not see.
    fn check(&self, text: &str, asked: Instant, received: Instant, path: &str) {
        for room in 0..self.sights.len() {
            if text.contains(&marker(room)) {
                let name = self.client.token().map_or("nobody", |_| self.client.user().username.as_str());
                assert!(
                    self.may_see(room, asked, received),
                    "{name} received something of room {room} by {path}: {text}"
                );
            }
        }
    }
}

/// Everything that is sent to a person by a transport: to one that follows what it can, and to a socket that follows
/// nothing.
fn listen(
    person: &Person,
    transport: Transport,
    rooms: &[RoomId],
    is_over: &AtomicBool,
    frames: &AtomicUsize,
) {
    let mut following = TestSocket::connect(&person.client.clone().by(transport));
    // One thread can wait for a single stream.
    let mut idle = (transport == Transport::WebSocket).then(|| TestSocket::connect(&person.client));
    for room_id in rooms {
        following.send(&ClientCommand::subscribe(*room_id, None, true));
    }
    while !is_over.load(Ordering::SeqCst) {
        let sockets =
            [Some((&mut following, "one that follows")), idle.as_mut().map(|idle| (idle, "a socket"))];
        for (socket, name) in sockets.into_iter().flatten() {
            while let Some(text) = socket.try_text() {
                // A frame may have waited for the reader, but for the following socket never for long.
                let received = Instant::now();
                person.check(&text, received, received, name);
                frames.fetch_add(1, Ordering::Relaxed);
                if let Ok(ServerEvent::RoomAdded { room }) = serde_json::from_str(&text) {
                    socket.send(&ClientCommand::subscribe(room.id, None, true));
                }
            }
        }
    }
}

/// Asks for everything again and again.
fn ask(person: &Person, rooms: &[RoomId], files: &[String], is_over: &AtomicBool) {
    while !is_over.load(Ordering::SeqCst) {
        let of_rooms = rooms.iter().flat_map(|id| {
            [
                room_path(*id),
                messages_path(*id),
                format!("{}?limit=3", messages_path(*id)),
                format!("{}?since=0&limit=100", changes_path(*id)),
                members_path(*id),
                pins_path(*id),
            ]
        });
        let of_all = [format!("{ROOMS_PATH}?limit=100"), format!("{USERS_PATH}?query=p")];
        for path in of_rooms.chain(of_all).chain(files.iter().cloned()) {
            let asked = Instant::now();
            let answer = person.client.get(&path);
            person.check(&String::from_utf8_lossy(&answer.body), asked, Instant::now(), &path);
        }
    }
}

/// Writes, edits, deletes and renames with the marker of the room.
fn write(owner: &TestClient, room: usize, room_id: RoomId, is_over: &AtomicBool) {
    let mut number = 0;
    while !is_over.load(Ordering::SeqCst) {
        number += 1;
        let message = owner.send(room_id, &format!("{} message {number}", marker(room)));
        match number % 5 {
            0 => drop(owner.edit(&message, &format!("{} edited {number}", marker(room)))),
            1 => drop(owner.rename_room(room_id, &format!("{} name {number}", marker(room)))),
            2 => {
                drop(owner.set_room(room_id, json!({ "topic": format!("{} topic {number}", marker(room)) })))
            }
            3 => {
                owner.put(&pin_path(room_id, message.id), &json!({})).expect(200);
                owner.put(&reaction_path(room_id, message.id, "%F0%9F%8E%89"), &json!({})).expect(200);
                let text = format!("{} **answer** {number} to @everyone", marker(room));
                let reply = json!({ "text": text, "reply_to": message.id });
                owner.post(&messages_path(room_id), &reply);
                owner.delete_message(&message);
            }
            _ => drop(owner.invite(room_id, json!({}))),
        }
    }
}

/// Lets people in and out.
fn move_people(owner: &TestClient, room: usize, room_id: RoomId, people: &[Person], is_over: &AtomicBool) {
    let mut round = room;
    while !is_over.load(Ordering::SeqCst) {
        round += 1;
        let person = &people[round % people.len()];
        let client = &person.client;
        person.comes(room);
        if round.is_multiple_of(2) {
            owner.add(room_id, client, Role::Member);
        } else {
            client.join_by_invite_of(owner, room_id, Role::Guest);
        }
        std::thread::park_timeout(Duration::from_millis(40));
        match round % 3 {
            0 => owner.remove(room_id, client),
            1 => {
                owner.ban(room_id, client);
                person.is_gone(room);
                owner.unban(room_id, client);
            }
            _ => client.leave(room_id),
        }
        person.is_gone(room);
    }
}

#[test]
fn nothing_of_a_private_room_reaches_anybody_who_is_not_in_it() {
    const ROOMS: usize = 3;
    let app = TestApp::start();
    let outside: Vec<_> =
        [app.member("Administrator"), app.member("passer-by"), app.guest("passing guest"), app.anonymous()]
            .into_iter()
            .map(|client| Person::new(client, ROOMS))
            .collect();
    let people: Vec<_> =
        (0..4).map(|number| Person::new(app.member(&format!("person {number}")), ROOMS)).collect();
    let owners: Vec<_> = (0..ROOMS).map(|number| app.member(&format!("owner {number}"))).collect();
    let rooms: Vec<RoomId> =
        owners.iter().enumerate().map(|(room, owner)| owner.create_private_room(&marker(room)).id).collect();
    // Whoever was told the path of a file still needs the right to see its room.
    let files: Vec<String> = owners
        .iter()
        .zip(&rooms)
        .enumerate()
        .map(|(room, (owner, room_id))| {
            let name = format!("{}.txt", marker(room));
            let file = owner.upload(*room_id, &name, format!("{} file", marker(room)));
            owner.send_files(*room_id, &format!("{} sent", marker(room)), &[&file]);
            file.url
        })
        .collect();
    let (is_over, frames) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _end = crate::faults::RaiseAtEnd(&is_over);
        let mut threads = Vec::new();
        for person in outside.iter().chain(&people) {
            for transport in [Transport::WebSocket, Transport::ServerSentEvents, Transport::LongPoll] {
                let (rooms, is_over, frames) = (&rooms, &is_over, &frames);
                threads.push(scope.spawn(move || listen(person, transport, rooms, is_over, frames)));
            }
        }
        for person in outside.iter().skip(1).chain(people.iter().take(2)) {
            threads.push(scope.spawn(|| ask(person, &rooms, &files, &is_over)));
        }
        for (room, owner) in owners.iter().enumerate() {
            let (rooms, people, is_over) = (&rooms, &people, &is_over);
            threads.push(scope.spawn(move || write(owner, room, rooms[room], is_over)));
            threads.push(scope.spawn(move || move_people(owner, room, rooms[room], people, is_over)));
        }
        let started = Instant::now();
        while started.elapsed() < LOAD && threads.iter().all(|thread| !thread.is_finished()) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        is_over.store(true, Ordering::SeqCst);
        for thread in threads {
            thread.join().expect("nothing leaked");
        }
    });
    let frames = frames.load(Ordering::Relaxed);
    assert!(frames > 50, "only {frames} frames: what is this test looking at?");
}

#[test]
fn after_a_removal_nothing_of_the_room_comes_on_any_path_within_two_seconds() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let room_id = owner.create_private_room(&marker(0)).id;
    let file = owner.upload(room_id, "cat.png", support::files::png(20, 20));
    owner.send_files(room_id, "a cat", &[&file]);
    let avatar = owner.set_room_avatar(room_id, support::files::png(20, 20)).expect(200).json::<Room>();
    let files = [Some(file.url), file.thumbnail_url, avatar.avatar_url].map(|url| url.expect("a path"));
    for step in 0..6 {
        let person = Person::new(app.member(&format!("person {step}")), 1);
        owner.add(room_id, &person.client, Role::Member);
        let mut sockets: Vec<_> = (0..3).map(|_| TestSocket::connect(&person.client)).collect();
        for socket in &mut sockets {
            socket.subscribe(room_id);
        }
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _end = crate::faults::RaiseAtEnd(&is_over);
            scope.spawn(|| write(&owner, 0, room_id, &is_over));
            for socket in &mut sockets {
                socket.expect(|event| matches!(event, ServerEvent::MessageCreated(_)).then_some(()));
            }
            match step % 3 {
                0 => owner.remove(room_id, &person.client),
                1 => owner.ban(room_id, &person.client),
                _ => person.client.leave(room_id),
            }
            let removed = Instant::now();
            // By REST at once, as the judgement is that of the database.
            let paths = [room_path(room_id), messages_path(room_id), members_path(room_id)];
            for path in paths.iter().chain(&files) {
                assert_eq!(person.client.get(path).status, 404, "{path}");
            }
            for socket in &mut sockets {
                socket.expect(|event| matches!(event, ServerEvent::RoomRemoved { .. }).then_some(()));
                assert!(removed.elapsed() < GRACE, "{:?}", removed.elapsed());
            }
            // The load goes on, and none of it comes here.
            let since = owner.room(room_id).rev;
            support::wait::until("more is written", || {
                (owner.room(room_id).rev.0 > since.0 + 20).then_some(())
            });
            for socket in &mut sockets {
                let events = socket.settle();
                assert!(events.iter().all(|event| event.room_id() != Some(room_id)), "{events:#?}");
            }
        });
    }
}

#[test]
fn secrets_and_what_people_say_are_in_no_answer_to_others_and_in_no_log() {
    let (db, dir) = (TestDb::new(), TempDir::new());
    let path = dir.path().join("log");
    let log = File::create(&path).expect("writable");
    let program = Program::start_logging(db.url(), log, "trace");
    let addr = program.client().addr();
    let admin = TestClient::member(addr, "Administrator");
    let owner = TestClient::member(addr, "The owner");
    let other = TestClient::member(addr, "The other");
    let guest = TestClient::guest(addr, "Grace");
    let room = owner.create_private_room(&marker(0));
    owner.set_room(room.id, json!({ "topic": format!("{} topic", marker(0)) }));
    let (_, used) = owner.invite(room.id, json!({ "role": "member" }));
    let (_, unused) = owner.invite(room.id, json!({}));
    guest.redeem(&used).expect(200);
    admin.post(shared::invites::INVITE_PREVIEW_PATH, &json!({ "secret": unused })).expect(200);
    let message = guest.send(room.id, &format!("{} message", marker(0)));
    guest.edit(&message, &format!("{} edited", marker(0)));
    let mut watcher = TestSocket::connect(&other);
    let body = json!({ "name": "script", "scopes": ["read"], "password": PASSWORD });
    let token = owner.post(shared::tokens::TOKENS_PATH, &body).expect(201).value()["token"].clone();
    let token = token.as_str().expect("a token").to_owned();
    let reset = admin.post(&shared::admin::password_reset_path(other.id()), &json!({})).expect(201).value();
    let reset = reset["url"].as_str().and_then(|url| url.split_once('#')).expect("a link").1.to_owned();
    // Also what is refused.
    other.post(&messages_path(room.id), &json!({ "text": "refusedmarker" })).expect(404);
    other.redeem(&format!("wrong{unused}")).expect(404);
    let sign_in = json!({ "username": "The owner", "password": "wrongpasswordmarker" });
    program.client().post(shared::sessions::SESSIONS_PATH, &sign_in).expect(401);
    owner.post(&messages_path(room.id), &json!({ "text": 7, "id": "refusedmarker" })).expect(422);

    let credentials =
        [&owner, &admin, &guest, &other].map(|client| client.token().expect("a session").to_owned());
    let mut secrets: Vec<String> = credentials.to_vec();
    secrets.extend([used, unused, token, reset]);
    // Nobody's answers hold a credential of anybody, not even their own again.
    let mut heard: Vec<String> =
        watcher.settle().iter().map(|event| serde_json::to_string(event).expect("JSON")).collect();
    for client in [&admin, &other, &guest, &owner] {
        for path in [
            room_path(room.id),
            messages_path(room.id),
            members_path(room.id),
            shared::audit::audit_path(room.id),
            shared::invites::invites_path(room.id),
            ROOMS_PATH.to_owned(),
            shared::sessions::SESSIONS_PATH.to_owned(),
            shared::tokens::TOKENS_PATH.to_owned(),
            shared::users::CURRENT_USER_PATH.to_owned(),
            shared::admin::ADMIN_USERS_PATH.to_owned(),
        ] {
            heard.push(String::from_utf8_lossy(&client.get(&path).body).into_owned());
        }
    }
    for text in &heard {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }

    // Also what the database complains about.
    db.execute("ALTER TABLE messages RENAME COLUMN sent_hash TO hash");
    guest.post(&messages_path(room.id), &json!({ "text": format!("{} lost", marker(0)) })).expect(500);
    db.execute("ALTER TABLE messages RENAME COLUMN hash TO sent_hash");
    db.execute("ALTER TABLE messages ADD CONSTRAINT short CHECK (char_length(text) < 5) NOT VALID");
    guest.post(&messages_path(room.id), &json!({ "text": format!("{} lost", marker(0)) })).expect(500);

    drop(watcher);
    program.stop();
    let log = std::fs::read_to_string(&path).expect("the log");
    assert!(log.contains("ERROR") && log.contains("sent_hash"), "errors are logged: {log}");
    let private =
        [marker(0), "refusedmarker".to_owned(), PASSWORD.to_owned(), "wrongpasswordmarker".to_owned()];
    for line in log.lines() {
        for word in secrets.iter().chain(&private) {
            assert!(!line.contains(word.as_str()), "{word} in the log: {line}");
        }
    }
}
