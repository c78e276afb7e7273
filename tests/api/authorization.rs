//! Who may do what in a room: the whole table of the contract, over REST and on the socket.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::bans::{ban_path, bans_path};
use shared::edits::edits_path;
use shared::errors::ErrorCode;
use shared::events::{ClientCommand, CloseCode, ServerEvent};
use shared::files::{room_avatar_path, uploads_path};
use shared::ids::RoomId;
use shared::invites::{INVITE_REDEMPTION_PATH, invites_path};
use shared::members::{Role, member_path, members_path, mute_path, own_membership_path, owner_path};
use shared::messages::{Message, changes_path, message_path, messages_path};
use shared::pins::{pin_path, pins_path};
use shared::reactions::reaction_path;
use shared::rooms::{Room, Visibility, room_path};
use support::app::TestApp;
use support::builders::{new_message_id, unknown_room_id};
use support::client::{PASSWORD, TestClient};
use support::http::Response;
use support::membership::in_an_hour;
use support::socket::TestSocket;

/// An emoji in a path.
const TADA: &str = "%F0%9F%8E%89";

/// Who asks: the columns of the table. Those who are out wrote in the room once and left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Out,
    Guest,
    Member,
    Moderator,
    Owner,
    Admin,
}

const COLUMNS: [Who; 7] =
    [Who::Nobody, Who::Out, Who::Guest, Who::Member, Who::Moderator, Who::Owner, Who::Admin];

/// Each operation, public / private, for nobody, out, guest, member, moderator, owner, and an admin who is out.
///
/// Y yes, N `not_allowed`, W `not_author`, L `member_not_found`, S `last_owner`, A not signed in, H hidden.
const TABLE: &[(&str, &str)] = &[
    ("view", "Y/H Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
    ("join", "A/A Y/H -/- -/- -/- -/- Y/H"),
    ("redeem", "A/A Y/Y Y/Y Y/Y Y/Y Y/Y Y/Y"),
    ("send", "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
    ("upload", "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
    ("react", "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
    ("type", "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
    ("edit_message", "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
    ("edit another's", "A/A W/H W/W W/W W/W W/W W/H"),
    ("delete_message", "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
    ("delete_any_message", "A/A W/H W/W W/W Y/Y Y/Y Y/H"),
    ("invite_user", "A/A N/H N/N Y/N Y/Y Y/Y N/H"),
    ("manage_invites", "A/A N/H N/N N/N Y/Y Y/Y N/H"),
    ("update_room", "A/A N/H N/N N/N Y/Y Y/Y N/H"),
    ("pin", "A/A N/H N/N N/N Y/Y Y/Y N/H"),
    ("view_edits", "A/A N/H Y/Y Y/Y Y/Y Y/Y N/H"),
    ("moderate", "A/A N/H N/N N/N Y/Y Y/Y Y/H"),
    ("view_audit", "A/A N/H N/N N/N Y/Y Y/Y Y/H"),
    ("view_bans", "A/A N/H N/N N/N Y/Y Y/Y Y/H"),
    ("set_role", "A/A N/H N/N N/N Y/Y Y/Y N/H"),
    ("set_visibility", "A/A N/H N/N N/N N/N Y/Y N/H"),
    ("transfer", "A/A N/H N/N N/N N/N Y/Y N/H"),
    ("delete_room", "A/A N/H N/N N/N N/N Y/Y Y/H"),
    ("leave", "A/A L/H Y/Y Y/Y Y/Y S/S L/H"),
];

/// Operations that leave the room as others do not expect it. After them, a new one is made.
const SPENDING: &[&str] = &[
    "join",
    "redeem",
    "send",
    "upload",
    "react",
    "invite_user",
    "manage_invites",
    "moderate",
    "set_role",
    "set_visibility",
    "transfer",
    "delete_room",
    "leave",
];

/// The operations that a client is told it may do, beside `leave` and `join`.
const TOLD: &[&str] = &["edit another's", "leave", "join"];

/// The letter of a cell.
fn letter(operation: &str, who: Who, visibility: Visibility) -> &'static str {
    let (_, cells) = TABLE.iter().find(|(name, _)| *name == operation).expect("a row");
    let column = COLUMNS.iter().position(|column| *column == who).expect("a column");
    let (public, private) =
        cells.split(' ').nth(column).and_then(|cell| cell.split_once('/')).expect("a cell");
    if visibility == Visibility::Public { public } else { private }
}

/// A server and the people of the table.
struct World {
    app: TestApp,
    founder: TestClient,
    admin: TestClient,
    owner: TestClient,
    moderator: TestClient,
    member: TestClient,
    guest: TestClient,
    out: TestClient,
    author: TestClient,
    target: TestClient,
    stranger: TestClient,
    nobody: TestClient,
    are_guests: bool,
    rooms: Cell<u32>,
}

impl World {
    /// People with accounts.
    fn of_accounts() -> Self {
        Self::new(false, &["--rate-limits", "off"])
    }

    /// Those who ask are guests of the server.
    fn of_guests() -> Self {
        Self::new(true, &["--rate-limits", "off"])
    }

    fn new(are_guests: bool, flags: &[&str]) -> Self {
        let app = TestApp::with(flags);
        let admin = app.member("Administrator");
        let come = |name: &str| if are_guests { app.guest(name) } else { app.member(name) };
        let [owner, moderator, member] = ["The owner", "The moderator", "The member"].map(come);
        let [guest, out] = ["The guest", "The other one"].map(come);
        let [founder, author, target, stranger] =
            ["The founder", "The author", "The target", "The stranger"].map(|name| app.member(name));
        let (nobody, rooms) = (app.anonymous(), Cell::new(0));
        // Guests of the server know only people with whom they share a room.
        let meeting = admin.rooms()[0].id;
        for person in [&owner, &moderator, &member, &guest, &out, &stranger] {
            person.join(meeting);
        }
        Self {
            app,
            founder,
            admin,
            owner,
            moderator,
            member,
            guest,
            out,
            author,
            target,
            stranger,
            nobody,
            are_guests,
            rooms,
        }
    }

    fn client(&self, who: Who) -> &TestClient {
        match who {
            Who::Nobody => &self.nobody,
            Who::Out => &self.out,
            Who::Guest => &self.guest,
            Who::Member => &self.member,
            Who::Moderator => &self.moderator,
            Who::Owner => &self.owner,
            Who::Admin => &self.admin,
        }
    }
}

/// A room with all of them in it.
struct Scene<'world> {
    world: &'world World,
    room: Room,
    /// A message of each person.
    own: Vec<Message>,
    secret: String,
    invite_id: String,
}

impl<'world> Scene<'world> {
    fn new(world: &'world World, visibility: Visibility) -> Self {
        let number = world.rooms.replace(world.rooms.get() + 1);
        let World { founder, owner, moderator, member, guest, out, admin, author, target, .. } = world;
        let body = json!({ "name": format!("room {number}"), "visibility": visibility });
        let room: Room = founder.post(shared::rooms::ROOMS_PATH, &body).expect(201).json();
        let people = [
            (owner, Role::Moderator),
            (moderator, Role::Moderator),
            (member, Role::Member),
            (guest, Role::Guest),
            (author, Role::Member),
            (target, Role::Guest),
            (out, Role::Member),
            (admin, Role::Member),
        ];
        let mut own = Vec::new();
        for (person, role) in people {
            person.join_by_invite_of(founder, room.id, role);
            own.push(person.send(room.id, "a message of one's own"));
        }
        founder.transfer(room.id, owner);
        for leaving in [founder, out, admin] {
            leaving.leave(room.id);
        }
        let (made, secret) = owner.invite(room.id, json!({ "role": "guest" }));
        let invite_id = made.invite.id.to_string();
        Self { world, room, own, secret, invite_id }
    }

    /// The message of a user in this room.
    fn message_of(&self, client: &TestClient) -> &Message {
        self.own.iter().find(|message| message.author.id == client.id()).expect("everybody wrote one")
    }

    /// The requests of an operation in a room, with the status of success. `room_id` is that of the scene or unknown.
    fn requests(&self, operation: &str, by: &TestClient, room_id: RoomId) -> Vec<Attempt> {
        let author = self.world.author.id();
        let of_another = self.message_of(&self.world.author).id;
        let own = if by.token().is_some() { self.message_of(by).id } else { of_another };
        let (room, messages) = (room_path(room_id), messages_path(room_id));
        let get = |path| Attempt::new("GET", path, None, &[200]);
        let delete = |path| Attempt::new("DELETE", path, None, &[204]);
        match operation {
            "view" => vec![
                get(room),
                get(messages.clone()),
                get(format!("{messages}?around={of_another}")),
                get(message_path(room_id, of_another)),
                get(format!("{}?since=0", changes_path(room_id))),
                get(format!("{}?since=0&wait=1", changes_path(room_id))),
                get(members_path(room_id)),
                get(pins_path(room_id)),
                get(format!("{messages}?thread={of_another}")),
                get(reaction_path(room_id, of_another, TADA)),
                Attempt::new("HEAD", messages, None, &[200]),
                Attempt::new("HEAD", format!("{}/events", room_path(room_id)), None, &[200]),
            ],
            "join" => vec![Attempt::new("PUT", own_membership_path(room_id), None, &[201])],
            "redeem" => {
                let body = json!({ "secret": self.secret });
                vec![Attempt::new("POST", INVITE_REDEMPTION_PATH.to_owned(), Some(body), &[200])]
            }
            "send" => vec![Attempt::new("POST", messages, Some(json!({ "text": "hello" })), &[201])],
            "upload" => vec![Attempt::new("POST", uploads_path(room_id), Some(json!({})), &[201])],
            "react" => ["PUT", "DELETE"]
                .map(|method| Attempt::new(method, reaction_path(room_id, of_another, TADA), None, &[200]))
                .to_vec(),
            "pin" => ["PUT", "DELETE"]
                .map(|method| Attempt::new(method, pin_path(room_id, of_another), None, &[200]))
                .to_vec(),
            "view_edits" => {
                // Others may have deleted the message before.
                vec![Attempt::new("GET", edits_path(room_id, of_another), None, &[200, 409])]
            }
            "edit_message" | "edit another's" => {
                let id = if operation == "edit_message" { own } else { of_another };
                let text = Some(json!({ "text": "edited" }));
                vec![Attempt::new("PATCH", message_path(room_id, id), text, &[200])]
            }
            "delete_message" => vec![delete(edits_path(room_id, own)), delete(message_path(room_id, own))],
            "delete_any_message" => {
                let edits = Attempt::new("DELETE", edits_path(room_id, of_another), None, &[204, 409]);
                vec![edits, delete(message_path(room_id, of_another))]
            }
            "invite_user" => {
                let path = member_path(room_id, self.world.stranger.id());
                vec![Attempt::new("PUT", path, Some(json!({ "role": "guest" })), &[201])]
            }
            "manage_invites" => vec![
                get(invites_path(room_id)),
                Attempt::new("POST", invites_path(room_id), Some(json!({ "role": "guest" })), &[201]),
                delete(format!("{}/{}", invites_path(room_id), self.invite_id)),
            ],
            "update_room" => [
                json!({ "topic": "A topic" }),
                json!({ "slow_mode_seconds": 0 }),
                json!({ "posting": "all" }),
                json!({ "name": format!("{} renamed", self.room.name.as_str()) }),
            ]
            .map(|body| Attempt::new("PATCH", room.clone(), Some(body), &[200]))
            .into_iter()
            .chain([Attempt::new("DELETE", room_avatar_path(room_id), None, &[200])])
            .collect(),
            "moderate" => vec![
                Attempt::new(
                    "PUT",
                    mute_path(room_id, author),
                    Some(json!({ "until": in_an_hour() })),
                    &[204],
                ),
                delete(mute_path(room_id, author)),
                delete(member_path(room_id, self.world.target.id())),
                Attempt::new("PUT", ban_path(room_id, author), Some(json!({ "reason": "Noise" })), &[204]),
                delete(ban_path(room_id, author)),
                Attempt::new(
                    "DELETE",
                    format!("{}?all=true", reaction_path(room_id, of_another, TADA)),
                    None,
                    &[200],
                ),
            ],
            "view_audit" => vec![get(shared::audit::audit_path(room_id))],
            "view_bans" => vec![get(bans_path(room_id))],
            "set_role" => {
                let role = Some(json!({ "role": "guest" }));
                vec![Attempt::new("PUT", member_path(room_id, author), role, &[200])]
            }
            "set_visibility" => {
                let body = if self.room.visibility == Visibility::Public {
                    json!({ "visibility": "private" })
                } else {
                    json!({ "visibility": "public", "publish_history": true })
                };
                vec![Attempt::new("PATCH", room, Some(body), &[200])]
            }
            "transfer" => {
                let body = Some(json!({ "user_id": author }));
                vec![Attempt::new("PUT", owner_path(room_id), body, &[200])]
            }
            "delete_room" => vec![delete(room)],
            "leave" => vec![delete(own_membership_path(room_id))],
            // Typing has no request: it is a frame.
            _ => Vec::new(),
        }
    }

    /// Makes all requests of an operation and checks each answer.
    fn check(&self, operation: &str, by: &TestClient, letter: &str, context: &str) {
        let known = self.requests(operation, by, self.room.id);
        let unknown = self.requests(operation, by, unknown_room_id());
        for (attempt, unknown) in known.iter().zip(&unknown) {
            let context = format!("{context}: {operation}, {attempt:?}");
            if letter != "Y" {
                // Neither a wrong type nor text that is no JSON tells more than a valid body.
                for body in attempt.invalid_bodies(operation, letter) {
                    let invalid = Attempt { body: Some(body), ..attempt.clone() };
                    assert_refused(&invalid.send(by), letter, &context);
                }
                let answer = attempt.send(by);
                assert_refused(&answer, letter, &context);
                if letter == "H" {
                    assert_eq!(bare(&answer), bare(&unknown.send(by)), "{context}: as if it did not exist");
                }
                continue;
            }
            for body in attempt.invalid_bodies(operation, letter) {
                let is_json = body.starts_with('{');
                let answer = Attempt { body: Some(body), ..attempt.clone() }.send(by);
                assert_eq!(answer.status, if is_json { 422 } else { 400 }, "{context}: {}", answer.text());
            }
            let answer = attempt.send(by);
            assert!(
                attempt.success.contains(&answer.status),
                "{context}: {}: {:?}",
                answer.status,
                answer.text()
            );
        }
    }

    /// The same on the socket, for operations that have a frame.
    fn check_socket(&self, operation: &str, by: &TestClient, letter: &str, context: &str) {
        let room_id = self.room.id;
        let mut socket = TestSocket::connect(by);
        let command = |room_id| match operation {
            "view" => ClientCommand::subscribe(room_id, None, true),
            _ => ClientCommand::Typing { room_id, active: true },
        };
        if operation == "type" && matches!(letter, "Y" | "B" | "M") {
            socket.subscribe(room_id);
        }
        socket.send(&command(room_id));
        let events = socket.settle();
        let refusal = events.iter().find_map(|event| match event {
            ServerEvent::Error { code, detail, room_id } => Some((*code, detail.clone(), *room_id)),
            _ => None,
        });
        let Some((code, detail, told)) = refusal else {
            assert_eq!(letter, "Y", "{context}: {operation} on the socket: {events:?}");
            return;
        };
        assert_eq!(told, Some(room_id));
        let expected = match letter {
            "A" => ErrorCode::AuthenticationRequired,
            "H" => ErrorCode::RoomNotFound,
            "B" => ErrorCode::Banned,
            "M" => ErrorCode::Muted,
            other => panic!("{context}: {operation} on the socket is refused instead of {other}: {code:?}"),
        };
        assert_eq!(code, expected, "{context}: {operation} on the socket");
        let unknown = unknown_room_id();
        if letter == "H" {
            socket.send(&command(unknown));
            let same = ServerEvent::Error { code, detail, room_id: Some(unknown) };
            assert_eq!(socket.settle(), [same], "{context}: as if it did not exist");
        }
    }

    /// All operations by one user. `letter` gives the answer to each; `None` leaves it out.
    fn check_all(&self, by: &TestClient, context: &str, letter: impl Fn(&str) -> Option<&'static str>) {
        for (operation, _) in TABLE {
            let Some(letter) = letter(operation).filter(|letter| *letter != "-") else { continue };
            if matches!(*operation, "view" | "type") {
                self.check_socket(operation, by, letter, context);
            }
            self.check(operation, by, letter, context);
        }
    }
}

/// A request and the statuses of its success.
#[derive(Clone, Debug)]
struct Attempt {
    method: &'static str,
    path: String,
    body: Option<String>,
    success: Vec<u16>,
}

impl Attempt {
    fn new(method: &'static str, path: String, body: Option<Value>, success: &[u16]) -> Self {
        Self { method, path, body: body.map(|body| body.to_string()), success: success.to_vec() }
    }

    fn send(&self, by: &TestClient) -> Response {
        let request = by.request(self.method, &self.path);
        match &self.body {
            Some(body) => request.json_text(body).send(),
            None => request.send(),
        }
    }

    /// Bodies that the operation cannot take, where it is known from them or the path what was asked for.
    fn invalid_bodies(&self, operation: &str, letter: &str) -> Vec<String> {
        // Which room an invite is for is known from its secret only.
        if operation == "redeem" && letter == "B" {
            return Vec::new();
        }
        let mut fields = vec!["text", "role", "name", "topic", "until", "user_id", "reason", "secret"];
        if operation == "set_visibility" {
            fields.push("visibility");
        }
        let numbers: serde_json::Map<_, _> =
            fields.iter().map(|name| ((*name).to_owned(), json!(7))).collect();
        let mut bodies = vec![Value::Object(numbers).to_string()];
        // Whether it is about the visibility, which moderators may not change, is known from valid JSON only.
        if operation != "set_visibility" {
            bodies.push("no JSON".to_owned());
        }
        // A file may be anything.
        let is_file = operation == "upload" && letter == "Y";
        if self.body.is_some() && !is_file { bodies } else { Vec::new() }
    }
}

#[track_caller]
fn assert_refused(answer: &Response, letter: &str, context: &str) {
    let (status, code) = match letter {
        "A" => (401, ErrorCode::AuthenticationRequired),
        "B" => (403, ErrorCode::Banned),
        "G" => (403, ErrorCode::MembersOnly),
        "H" => (404, ErrorCode::RoomNotFound),
        "L" => (404, ErrorCode::MemberNotFound),
        "M" => (403, ErrorCode::Muted),
        "N" => (403, ErrorCode::NotAllowed),
        "S" => (409, ErrorCode::LastOwner),
        "W" => (403, ErrorCode::NotAuthor),
        "X" => (401, ErrorCode::InvalidToken),
        other => panic!("{other} is no refusal"),
    };
    let what = format!(
        "{context}: {} instead of {code:?}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(answer.status, status, "{what}");
    if answer.body.is_empty() {
        return; // HEAD
    }
    let problem = answer.problem(status, code);
    assert_eq!(problem.retry_after.is_some(), code == ErrorCode::Muted, "{what}");
}

/// An answer without what differs between any two answers.
fn bare(answer: &Response) -> (u16, Vec<(String, String)>, String) {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let id = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|body| body["request_id"].as_str().map(str::to_owned));
    let text = id.map_or(text.clone(), |id| text.replace(&id, "-"));
    let mut headers: Vec<_> = answer.headers.clone();
    headers.sort();
    let headers = headers.into_iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    (answer.status, headers.collect(), text)
}

/// Every cell of the table. `change` says where guests of the server differ.
fn check_the_table(
    world: &World,
    visibility: Visibility,
    change: impl Fn(&str, Who, &'static str) -> &'static str,
) {
    let mut scene = Scene::new(world, visibility);
    for (operation, _) in TABLE {
        for who in COLUMNS {
            let letter = change(operation, who, letter(operation, who, visibility));
            if letter == "-" {
                continue;
            }
            let context = format!("{who:?} in a {visibility:?} room");
            let by = world.client(who);
            if matches!(*operation, "view" | "type") {
                scene.check_socket(operation, by, letter, &context);
            }
            scene.check(operation, by, letter, &context);
            if letter == "Y" && SPENDING.contains(operation) {
                scene = Scene::new(world, visibility);
            }
        }
    }
}

/// Kind guest adds nobody, whatever the role, and changes no visibility.
fn for_guests(operation: &str, who: Who, letter: &'static str) -> &'static str {
    match (operation, letter) {
        _ if who == Who::Admin => letter,
        ("invite_user", "Y" | "N") | ("set_visibility", "Y") => "G",
        _ => letter,
    }
}

#[test]
fn every_cell_of_the_table_of_public_rooms_is_as_the_contract_says() {
    check_the_table(&World::of_accounts(), Visibility::Public, |_, _, letter| letter);
}

#[test]
fn every_cell_of_the_table_of_private_rooms_is_as_the_contract_says() {
    check_the_table(&World::of_accounts(), Visibility::Private, |_, _, letter| letter);
}

#[test]
fn guests_of_the_server_differ_only_in_adding_people_and_changing_the_visibility() {
    let world = World::of_guests();
    check_the_table(&world, Visibility::Public, for_guests);
    check_the_table(&world, Visibility::Private, for_guests);
}

#[test]
fn the_answer_names_all_that_the_viewer_may_do() {
    for (world, visibility) in [Visibility::Public, Visibility::Private]
        .into_iter()
        .flat_map(|visibility| [(World::of_accounts(), visibility), (World::of_guests(), visibility)])
    {
        let scene = Scene::new(&world, visibility);
        for who in COLUMNS {
            let cell = |operation: &str| {
                let letter = letter(operation, who, visibility);
                if world.are_guests { for_guests(operation, who, letter) } else { letter }
            };
            if cell("view") == "H" {
                continue;
            }
            let client = world.client(who);
            let viewer = client.viewer(scene.room.id);
            let role = match who {
                Who::Nobody | Who::Out | Who::Admin => None,
                Who::Guest => Some(Role::Guest),
                Who::Member => Some(Role::Member),
                Who::Moderator => Some(Role::Moderator),
                Who::Owner => Some(Role::Owner),
            };
            assert_eq!((viewer.role, viewer.banned, viewer.muted_until), (role, false, None));
            let expected: BTreeSet<&str> = TABLE
                .iter()
                .map(|(operation, _)| *operation)
                .filter(|operation| !TOLD.contains(operation) && cell(operation) == "Y")
                .collect();
            let told: BTreeSet<&str> = viewer.may.iter().map(|operation| operation.name()).collect();
            let told_here: BTreeSet<&str> =
                told.iter().copied().filter(|name| !TOLD.contains(name)).collect();
            assert_eq!(told_here, expected, "{who:?} in a {visibility:?} room");
            assert_eq!(told.contains("join"), cell("join") == "Y", "{who:?} in a {visibility:?} room");
            if who != Who::Owner {
                assert_eq!(told.contains("leave"), cell("leave") == "Y", "{who:?} in a {visibility:?} room");
            }
            let subscribed = TestSocket::connect(client).subscribe(scene.room.id);
            assert_eq!(subscribed.room.viewer, Some(viewer.clone()), "{who:?}: the same on the socket");
            if client.token().is_some() && role.is_some() {
                let listed = client.rooms().into_iter().find(|room| room.id == scene.room.id);
                assert_eq!(
                    listed.and_then(|room| room.viewer),
                    Some(viewer),
                    "{who:?}: the same in the list"
                );
            }
        }
    }
}

#[test]
fn whoever_is_banned_reads_public_rooms_and_does_nothing_else() {
    let world = World::of_accounts();
    for visibility in [Visibility::Public, Visibility::Private] {
        let scene = Scene::new(&world, visibility);
        let room_id = scene.room.id;
        let by = &world.member;
        world.owner.ban(room_id, by);
        scene.check_all(by, "banned", |operation| {
            Some(match (operation, visibility) {
                ("view", Visibility::Public) => "Y",
                ("leave", Visibility::Public) => "L",
                ("redeem", _) | (_, Visibility::Public) => "B",
                _ => "H",
            })
        });
        // A moderator who is banned is no moderator.
        world.owner.ban(room_id, &world.moderator);
        if visibility == Visibility::Public {
            let viewer = world.moderator.viewer(room_id);
            let may: Vec<_> = viewer.may.iter().map(|operation| operation.name()).collect();
            assert_eq!((viewer.role, viewer.banned, may), (None, true, vec!["view"]));
        }
    }
}

#[test]
fn whoever_is_muted_may_neither_write_nor_type_nor_edit() {
    let world = World::of_accounts();
    for visibility in [Visibility::Public, Visibility::Private] {
        for who in [Who::Guest, Who::Member, Who::Moderator] {
            let scene = Scene::new(&world, visibility);
            let by = world.client(who);
            world.owner.mute(scene.room.id, by);
            let viewer = by.viewer(scene.room.id);
            assert!(viewer.muted_until.is_some());
            let told: Vec<_> = viewer.may.iter().map(|operation| operation.name()).collect();
            for silenced in ["send", "upload", "react", "type", "edit_message"] {
                assert!(!told.contains(&silenced), "{silenced} in {told:?}");
            }
            assert!(told.contains(&"delete_message") && told.contains(&"view"));
            // Leaving last, and what changes the room for the others not at all.
            scene.check_all(by, "muted", |operation| match operation {
                "send" | "upload" | "react" | "type" | "edit_message" => Some("M"),
                "view" | "redeem" | "delete_message" | "edit another's" | "delete_any_message"
                | "view_audit" | "view_bans" | "view_edits" | "update_room" | "set_visibility"
                | "transfer" | "delete_room" | "leave" => Some(letter(operation, who, visibility)),
                _ => None,
            });
        }
    }
}

#[test]
fn a_disabled_account_and_an_ended_session_are_worth_nothing() {
    for visibility in [Visibility::Public, Visibility::Private] {
        let world = World::of_accounts();
        let scene = Scene::new(&world, visibility);
        let room_id = scene.room.id;
        let mut sockets = [&world.moderator, &world.member].map(TestSocket::connect);
        for socket in &mut sockets {
            socket.subscribe(room_id);
        }
        let again = world.app.sign_in("The moderator", PASSWORD).expect(201);
        let again = TestClient::signed_in(world.app.addr(), &again);
        let mut kept = TestSocket::connect(&again);
        again.delete(shared::sessions::SESSIONS_PATH).expect(204);
        let path = shared::admin::admin_user_path(world.member.id());
        world.admin.patch(&path, &json!({ "is_disabled": true })).expect(200);
        let codes = sockets.map(TestSocket::closed);
        assert_eq!(codes, [CloseCode::SessionEnded.number(), CloseCode::Forbidden.number()]);

        for by in [&world.moderator, &world.member] {
            for (operation, _) in TABLE {
                for attempt in scene.requests(operation, by, room_id) {
                    assert_refused(&attempt.send(by), "X", &format!("{operation}: {attempt:?}"));
                }
            }
        }
        // The other session goes on.
        kept.subscribe(room_id);
        scene.check("update_room", &again, "Y", "another session");
    }
}

#[test]
fn a_moderator_who_is_lowered_while_connected_is_told_and_may_no_more_than_a_member() {
    let world = World::of_accounts();
    for visibility in [Visibility::Public, Visibility::Private] {
        let scene = Scene::new(&world, visibility);
        let by = &world.moderator;
        let mut socket = TestSocket::connect(by);
        socket.subscribe(scene.room.id);
        world.owner.add(scene.room.id, by, Role::Member);
        let viewer = socket.viewer_updated(scene.room.id);
        assert_eq!(viewer.role, Some(Role::Member));
        assert_eq!(viewer, by.viewer(scene.room.id));
        scene.check_all(by, "lowered", |operation| Some(letter(operation, Who::Member, visibility)));
    }
}

#[test]
fn what_is_not_there_is_said_before_what_is_not_allowed_and_that_before_what_is_not_valid() {
    let world = World::of_accounts();
    let scene = Scene::new(&world, Visibility::Private);
    let room_id = scene.room.id;
    let unknown = new_message_id();
    let invalid = json!({ "text": 7, "role": 7, "until": 7 });
    for by in [&world.guest, &world.member, &world.owner] {
        let message = message_path(room_id, unknown);
        by.patch(&message, &invalid).problem(404, ErrorCode::MessageNotFound);
        by.delete(&message).problem(404, ErrorCode::MessageNotFound);
        let user = shared::ids::UserId(unknown.0);
        by.put(&member_path(room_id, user), &invalid).problem(404, ErrorCode::UserNotFound);
        by.delete(&member_path(room_id, user)).problem(404, ErrorCode::MemberNotFound);
        by.put(&mute_path(room_id, user), &invalid).problem(404, ErrorCode::MemberNotFound);
    }
    // For those who do not see the room, nothing is there.
    for by in [&world.out, &world.admin] {
        by.patch(&message_path(room_id, unknown), &invalid).problem(404, ErrorCode::RoomNotFound);
        by.put(&member_path(room_id, by.id()), &invalid).problem(404, ErrorCode::RoomNotFound);
    }
    let nobody = &world.nobody;
    nobody.patch(&message_path(room_id, unknown), &invalid).problem(401, ErrorCode::AuthenticationRequired);
}

#[test]
fn on_a_server_for_members_only_nobody_has_any_right() {
    let world = World::new(false, &["--rate-limits", "off", "--access", "members"]);
    for visibility in [Visibility::Public, Visibility::Private] {
        let scene = Scene::new(&world, visibility);
        scene.check_all(&world.nobody, "nobody on a server for members", |_| Some("A"));
        scene.check("view", &world.member, "Y", "a member");
    }
}

#[test]
fn in_the_servers_own_room_admins_are_owners_and_nobody_else_is() {
    let world = World::of_accounts();
    let lobby = world.app.lobby();
    assert!(lobby.is_own);
    let path = room_path(lobby.id);
    let message = world.member.send(lobby.id, "hello");
    let viewer = world.admin.viewer(lobby.id);
    for operation in ["update_room", "set_role", "manage_invites", "moderate", "delete_room", "invite_user"] {
        assert!(viewer.may.iter().any(|name| name.name() == operation), "{operation} in {viewer:?}");
    }
    world.owner.patch(&path, &json!({ "topic": "mine" })).problem(403, ErrorCode::NotAllowed);
    assert_eq!(world.admin.set_room(lobby.id, json!({ "topic": "Everything" })).rev, message.rev.next());
    world.admin.delete_message(&message);
    world.admin.add(lobby.id, &world.member, Role::Moderator);
    world.member.patch(&path, &json!({ "visibility": "private" })).problem(403, ErrorCode::NotAllowed);
    let answer = world.admin.patch(&path, &json!({ "visibility": "private" }));
    let problem = answer.problem(422, ErrorCode::ValidationFailed);
    assert_eq!(problem.errors[0].pointer, "/visibility");
}

#[test]
fn an_admin_of_the_server_has_no_right_in_a_private_room_but_that_of_the_own_role() {
    let world = World::of_accounts();
    let scene = Scene::new(&world, Visibility::Private);
    let (room_id, admin) = (scene.room.id, &world.admin);
    world.owner.add(room_id, admin, Role::Guest);
    admin.get(&shared::audit::audit_path(room_id)).problem(403, ErrorCode::NotAllowed);
    admin.delete(&room_path(room_id)).problem(403, ErrorCode::NotAllowed);
    let message = scene.message_of(&world.author);
    admin.delete(&message_path(room_id, message.id)).problem(403, ErrorCode::NotAuthor);
    admin.put(&ban_path(room_id, world.author.id()), &json!({})).problem(403, ErrorCode::NotAllowed);
    assert!(!admin.viewer(room_id).may.iter().any(|operation| operation.name() == "moderate"));
    world.owner.ban(room_id, admin);
    admin.get(&room_path(room_id)).problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn guests_create_public_rooms_only_and_nobody_creates_none() {
    let app = TestApp::start();
    let path = shared::rooms::ROOMS_PATH;
    let body = |visibility: &str| json!({ "name": format!("a {visibility} room"), "visibility": visibility });
    for visibility in ["public", "private"] {
        app.anonymous().post(path, &body(visibility)).problem(401, ErrorCode::AuthenticationRequired);
    }
    let (guest, member) = (app.guest("Grace"), app.member("Ada Lovelace"));
    guest.post(path, &body("private")).problem(403, ErrorCode::MembersOnly);
    guest.post(path, &body("public")).expect(201);
    let private: Room = member.post(path, &body("private")).expect(201).json();
    assert_eq!((private.visibility, private.member_count, private.rev.0), (Visibility::Private, 1, 1));
    assert_eq!(private.viewer.and_then(|viewer| viewer.role), Some(Role::Owner));
}
