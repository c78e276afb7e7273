//! Invites: their links, what they disclose, redeeming, roles, seats, revocation, and closed servers.

use serde_json::{Value, json};
use shared::errors::{ErrorCode, LimitScope};
use shared::invites::{
    INVITE_PREVIEW_PATH, Invite, InvitePreview, NewInvite, Redeemed, invite_path, invites_path,
};
use shared::members::Role;
use shared::rooms::{Room, Visibility, room_path};
use shared::text::InvalidCode;
use shared::users::{GUESTS_PATH, Guest, USERS_PATH, User, UserKind};
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::http::Response;
use support::socket::TestSocket;

use crate::shape::{assert_keys, assert_timestamp, assert_uuid_v7};

/// An owner with a private room.
fn owner_of_a_private_room(app: &TestApp) -> (TestClient, Room) {
    let owner = app.member("The owner");
    let room = owner.create_private_room("behind the curtain");
    (owner, room)
}

fn preview(client: &TestClient, secret: &str) -> Response {
    client.post(INVITE_PREVIEW_PATH, &json!({ "secret": secret }))
}

fn listed(client: &TestClient, room: &Room) -> Vec<Invite> {
    let list = client.get(&invites_path(room.id)).expect(200).value();
    serde_json::from_value(list["items"].clone()).expect("invites")
}

fn uses(client: &TestClient, room: &Room, made: &NewInvite) -> i64 {
    listed(client, room).into_iter().find(|invite| invite.id == made.invite.id).expect("it is listed").uses
}

#[test]
fn an_invite_is_for_guests_and_a_week_unless_its_maker_says_otherwise() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let answer = owner.post(&invites_path(room.id), &json!({})).expect(201);
    let body = answer.value();
    assert_keys(&body, &["invite", "url"]);
    assert_keys(&body["invite"], &["created_at", "created_by", "expires_at", "id", "role", "uses"]);
    assert_uuid_v7(&body["invite"]["id"]);
    assert_timestamp(&body["invite"]["expires_at"]);
    let made: NewInvite = answer.json();
    assert_eq!((made.invite.role, made.invite.uses, &made.invite.created_by), (Role::Guest, 0, owner.user()));
    let seconds = (made.invite.expires_at.expect("a week").unix_millis()
        - made.invite.created_at.unix_millis())
        / 1_000;
    assert_eq!(seconds, 7 * 24 * 60 * 60);
    let location = answer.header("location").expect("a Location");
    assert!(location.ends_with(&invite_path(room.id, made.invite.id)), "{location}");

    let for_ever = json!({ "expires_in_seconds": null, "max_uses": null, "role": "moderator" });
    let (for_ever, _) = owner.invite(room.id, for_ever);
    assert_eq!((for_ever.invite.expires_at, for_ever.invite.max_uses), (None, None));
    let ids: Vec<_> = listed(&owner, &room).iter().map(|invite| invite.id).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&made.invite.id) && ids.contains(&for_ever.invite.id));
}

#[test]
fn the_secret_is_long_behind_the_hash_shown_once_and_stored_hashed() {
    let app = TestApp::with(&["--rate-limits", "off", "--public-url", "https://chat.example.org"]);
    let (owner, room) = owner_of_a_private_room(&app);
    let (made, secret) = owner.invite(room.id, json!({}));
    assert!(made.url.starts_with("https://chat.example.org/invite#"), "{}", made.url);
    assert!(secret.len() >= 22, "128 bits need 22 letters: {secret}");
    let (_, another) = owner.invite(room.id, json!({}));
    assert_ne!(secret, another);
    assert!(!owner.get(&invites_path(room.id)).expect(200).text().contains(&secret));
    let stored = app.db().text("SELECT coalesce(string_agg(invites::text, ' '), '') FROM invites");
    assert!(!stored.contains(&secret), "{stored}");
}

#[test]
fn what_an_invite_cannot_be_is_refused_with_its_pointer() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let path = invites_path(room.id);
    for (body, pointer) in [
        (json!({ "role": "owner" }), "/role"),
        (json!({ "role": 1 }), "/role"),
        (json!({ "expires_in_seconds": 0 }), "/expires_in_seconds"),
        (json!({ "expires_in_seconds": -1 }), "/expires_in_seconds"),
        (json!({ "expires_in_seconds": "soon" }), "/expires_in_seconds"),
        (json!({ "expires_in_seconds": 1_000_000_000_000_i64 }), "/expires_in_seconds"),
        (json!({ "max_uses": 0 }), "/max_uses"),
        (json!({ "max_uses": 1.5 }), "/max_uses"),
    ] {
        let problem = owner.post(&path, &body).problem(422, ErrorCode::ValidationFailed);
        assert_eq!(
            problem.errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(),
            [pointer],
            "{body}"
        );
    }
    assert_eq!(listed(&owner, &room), []);
    for path in [INVITE_PREVIEW_PATH, shared::invites::INVITE_REDEMPTION_PATH] {
        owner.post(path, &json!({})).invalid(&[("/secret", InvalidCode::Required)]);
        owner.post(path, &json!({ "secret": 7 })).invalid(&[("/secret", InvalidCode::InvalidType)]);
        owner.post(path, &json!({ "secret": "never was" })).problem(404, ErrorCode::InviteNotFound);
    }
}

#[test]
fn a_moderator_makes_invites_for_members_and_guests_only() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let moderator = app.member("The moderator");
    owner.add(room.id, &moderator, Role::Moderator);
    for role in ["member", "guest"] {
        moderator.invite(room.id, json!({ "role": role }));
    }
    moderator
        .post(&invites_path(room.id), &json!({ "role": "moderator" }))
        .problem(403, ErrorCode::NotAllowed);
}

#[test]
fn the_preview_shows_the_room_to_anybody_and_no_more_of_it() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    owner.set_room(room.id, json!({ "topic": "Plans" }));
    owner.send(room.id, "a text that stays inside");
    let (made, secret) = owner.invite(room.id, json!({ "role": "member" }));
    let answer = preview(&app.anonymous(), &secret).expect(200);
    let body = answer.value();
    assert_keys(&body, &["expires_at", "invited_by", "role", "room"]);
    assert_keys(&body["room"], &["avatar_url", "member_count", "name", "topic", "visibility"]);
    let shown: InvitePreview = answer.json();
    assert_eq!(
        (shown.role, shown.expires_at, &shown.invited_by),
        (Role::Member, made.invite.expires_at, owner.user())
    );
    assert_eq!(shown.room.name.as_str(), "behind the curtain");
    assert_eq!(shown.room.topic.expect("a topic").as_str(), "Plans");
    assert_eq!((shown.room.visibility, shown.room.member_count), (Visibility::Private, 1));
    assert!(!answer.text().contains(&room.id.to_string()));

    let public = owner.create_room("open to all");
    let mut inside = TestSocket::connect(&owner);
    inside.subscribe(public.id);
    let (_, secret) = owner.invite(public.id, json!({}));
    assert_eq!(
        preview(&app.guest("Grace"), &secret).expect(200).json::<InvitePreview>().room.online,
        Some(1)
    );
}

#[test]
fn redeeming_joins_with_the_role_and_counts_one_use() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let (made, secret) = owner.invite(room.id, json!({ "role": "member" }));
    app.anonymous().redeem(&secret).problem(401, ErrorCode::AuthenticationRequired);
    let grace = app.guest("Grace");
    grace.get(&room_path(room.id)).problem(404, ErrorCode::RoomNotFound);
    let answer = grace.redeem(&secret).expect(200);
    assert_keys(&answer.value(), &["member", "room"]);
    let Redeemed { room: joined, member } = answer.json();
    assert_eq!((member.role, &member.user), (Role::Member, grace.user()));
    assert_eq!((joined.id, joined.member_count), (room.id, 2));
    assert_eq!(joined.viewer.and_then(|viewer| viewer.role), Some(Role::Member));
    assert_eq!(uses(&owner, &room, &made), 1);
    grace.send(room.id, "hello");
}

#[test]
fn for_who_is_in_already_nothing_changes_and_a_higher_role_stays_whatever_became_of_the_invite() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let ada = app.member("Ada Lovelace");
    owner.add(room.id, &ada, Role::Moderator);
    let (made, secret) = owner.invite(room.id, json!({ "role": "guest", "max_uses": 1 }));
    let rev = owner.room(room.id).rev;
    let again = |client: &TestClient| client.redeem(&secret).expect(200).json::<Redeemed>().member;
    assert_eq!(again(&ada).role, Role::Moderator);
    assert_eq!((owner.room(room.id).rev, uses(&owner, &room, &made)), (rev, 0));

    // Used up by Grace, who comes again; Ada still may.
    let grace = app.guest("Grace");
    grace.redeem(&secret).expect(200);
    assert_eq!((again(&grace).role, again(&ada).role), (Role::Guest, Role::Moderator));
    app.guest("Late").redeem(&secret).problem(410, ErrorCode::InviteGone);
    // Revoked and expired.
    owner.delete(&invite_path(room.id, made.invite.id)).expect(204);
    assert_eq!(again(&grace).role, Role::Guest);
    let (expiring, secret) = owner.invite(room.id, json!({ "expires_in_seconds": 1 }));
    support::wait::until("it expires", || (preview(&grace, &secret).status == 410).then_some(()));
    grace.redeem(&secret).expect(200);
    app.guest("Late").redeem(&secret).problem(410, ErrorCode::InviteGone);
    assert!(listed(&owner, &room).iter().all(|invite| invite.id != expiring.invite.id || invite.uses == 0));
}

#[test]
fn an_invite_that_is_gone_is_told_from_one_that_never_was() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let late = app.guest("Late");
    let gone = |secret: &str| {
        preview(&late, secret).problem(410, ErrorCode::InviteGone);
        late.redeem(secret).problem(410, ErrorCode::InviteGone);
    };
    let (used_up, secret) = owner.invite(room.id, json!({ "max_uses": 1 }));
    app.guest("First").redeem(&secret).expect(200);
    gone(&secret);
    assert_eq!(used_up.invite.max_uses, Some(1));

    let (revoked, secret) = owner.invite(room.id, json!({}));
    owner.delete(&invite_path(room.id, revoked.invite.id)).expect(204);
    gone(&secret);
    assert!(listed(&owner, &room).iter().all(|invite| invite.id != revoked.invite.id));

    let (_, secret) = owner.invite(room.id, json!({}));
    owner.delete_room(room.id);
    gone(&secret);
    late.redeem("never was").problem(404, ErrorCode::InviteNotFound);
}

#[test]
fn revoking_needs_the_room_of_the_invite() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let other = owner.create_private_room("another");
    let (made, secret) = owner.invite(room.id, json!({}));
    owner.delete(&invite_path(other.id, made.invite.id)).problem(404, ErrorCode::InviteNotFound);
    owner.delete(&format!("{}/none", invites_path(room.id))).problem(404, ErrorCode::InviteNotFound);
    preview(&owner, &secret).expect(200);
    owner.delete(&invite_path(room.id, made.invite.id)).expect(204);
}

#[test]
fn whoever_is_banned_or_was_removed_since_does_not_come_back_by_an_invite() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let (ada, grace) = (app.member("Ada Lovelace"), app.member("Grace"));
    let (made, old) = owner.invite(room.id, json!({}));
    ada.redeem(&old).expect(200);
    grace.redeem(&old).expect(200);
    owner.remove(room.id, &ada);
    ada.redeem(&old).problem(403, ErrorCode::NotAllowed);
    assert_eq!(uses(&owner, &room, &made), 2);
    let (_, new) = owner.invite(room.id, json!({}));
    ada.redeem(&new).expect(200);
    // Who left by themselves comes back by the old one.
    ada.leave(room.id);
    owner.ban(room.id, &grace);
    grace.redeem(&new).problem(403, ErrorCode::Banned);
    grace.redeem(&old).problem(403, ErrorCode::Banned);
    owner.unban(room.id, &grace);
    grace.redeem(&old).problem(403, ErrorCode::NotAllowed);
    let (_, newest) = owner.invite(room.id, json!({}));
    grace.redeem(&newest).expect(200);
}

#[test]
fn invites_are_revoked_for_good_when_their_maker_may_make_none_any_more() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let moderator = app.member("The moderator");
    let late = app.guest("Late");
    type Step = fn(&TestClient, &Room, &TestClient);
    let steps: [Step; 4] = [
        |owner, room, moderator| drop(owner.add(room.id, moderator, Role::Member)),
        |_, room, moderator| moderator.leave(room.id),
        |owner, room, moderator| owner.remove(room.id, moderator),
        |owner, room, moderator| {
            owner.ban(room.id, moderator);
            owner.unban(room.id, moderator);
        },
    ];
    for step in steps {
        owner.add(room.id, &moderator, Role::Moderator);
        let (made, secret) = moderator.invite(room.id, json!({ "role": "member" }));
        step(&owner, &room, &moderator);
        late.redeem(&secret).problem(410, ErrorCode::InviteGone);
        owner.add(room.id, &moderator, Role::Moderator);
        late.redeem(&secret).problem(410, ErrorCode::InviteGone);
        assert!(listed(&owner, &room).iter().all(|invite| invite.id != made.invite.id));
    }
}

#[test]
fn an_invite_gives_no_more_than_its_maker_may_grant_at_its_redemption() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let (second, ada) = (app.member("Second owner"), app.member("Ada Lovelace"));
    owner.add(room.id, &second, Role::Owner);
    let (_, secret) = second.invite(room.id, json!({ "role": "moderator" }));
    second.put_member(room.id, &second, Role::Moderator).expect(200);
    assert_eq!(ada.redeem(&secret).expect(200).json::<Redeemed>().member.role, Role::Member);
}

#[test]
fn an_address_looks_at_or_redeems_ten_invites_a_minute() {
    let app = TestApp::with(&[]);
    let anonymous = app.anonymous();
    for _ in 0..10 {
        preview(&anonymous, "never was").problem(404, ErrorCode::InviteNotFound);
    }
    for refused in [preview(&anonymous, "never was"), app.guest("Grace").redeem("never was")] {
        let problem = refused.problem(429, ErrorCode::RateLimited);
        assert_eq!(problem.scope, Some(LimitScope::Ip));
    }
}

/// Signs up with an invite.
fn sign_up_with(app: &TestApp, username: &str, invite: &str) -> Response {
    let body = json!({ "username": username, "password": PASSWORD, "invite": invite });
    app.anonymous().post(USERS_PATH, &body)
}

fn guest_with(app: &TestApp, username: &str, invite: Value) -> Response {
    app.anonymous().post(GUESTS_PATH, &json!({ "username": username, "invite": invite }))
}

#[test]
fn an_invite_lets_in_where_registration_is_closed_and_is_redeemed_with_it() {
    let mut app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let (_, secret) = owner.invite(room.id, json!({ "role": "member", "max_uses": 2 }));
    let (owner_user, token) = (owner.user().clone(), owner.token().expect("a session").to_owned());
    app.restart(&["--rate-limits", "off", "--registration", "closed", "--guests", "invited"]);
    let owner = TestClient::known(app.addr(), owner_user, &token);
    app.anonymous().sign_up("Mallory").problem(403, ErrorCode::RegistrationClosed);
    app.anonymous()
        .post(GUESTS_PATH, &json!({ "username": "Mallory" }))
        .problem(403, ErrorCode::RegistrationClosed);
    for refused in
        [sign_up_with(&app, "Mallory", "never was"), guest_with(&app, "Mallory", json!("never was"))]
    {
        assert!(matches!(refused.status, 403 | 404), "{}", refused.text());
    }

    let ada = TestClient::signed_in(app.addr(), &sign_up_with(&app, "Ada Lovelace", &secret).expect(201));
    assert_eq!(owner.role_of(room.id, &ada), Some(Role::Member));
    let guest: Guest = guest_with(&app, "Grace", json!(secret)).expect(201).json();
    assert_eq!(guest.user.kind, UserKind::Guest);
    let grace = owner.members(room.id).into_iter().find(|member| member.user.id == guest.user.id);
    assert_eq!(grace.map(|member| member.role), Some(Role::Member));
    // It is used up now, and nobody is made by it.
    let refused = sign_up_with(&app, "Too late", &secret);
    assert!(matches!(refused.status, 403 | 410), "{}", refused.text());
    let refused = guest_with(&app, "Too late", json!(secret));
    assert!(matches!(refused.status, 403 | 410), "{}", refused.text());
    let found: shared::page::Page<User> = owner.get(&format!("{USERS_PATH}?query=Too")).expect(200).json();
    assert_eq!(found.items, []);
}

#[test]
fn an_invite_of_a_kind_guest_opens_rooms_but_no_closed_server() {
    let mut app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let (_, secret) = alice.invite(room.id, json!({ "role": "member" }));
    let grace = app.guest("Grace");
    assert_eq!(grace.redeem(&secret).expect(200).json::<Redeemed>().room.id, room.id);
    app.restart(&["--rate-limits", "off", "--registration", "closed", "--guests", "invited"]);
    sign_up_with(&app, "Ada Lovelace", &secret).problem(403, ErrorCode::RegistrationClosed);
    guest_with(&app, "Late", json!(secret)).problem(403, ErrorCode::RegistrationClosed);
}

#[test]
fn on_an_open_server_an_invite_is_redeemed_in_the_same_step_or_nothing_happens() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let (_, secret) = owner.invite(room.id, json!({ "role": "member" }));
    let ada = TestClient::signed_in(app.addr(), &sign_up_with(&app, "Ada Lovelace", &secret).expect(201));
    assert_eq!(owner.role_of(room.id, &ada), Some(Role::Member));
    let refused = sign_up_with(&app, "Grace", "never was");
    refused.problem(404, ErrorCode::InviteNotFound);
    guest_with(&app, "Grace", json!("never was")).problem(404, ErrorCode::InviteNotFound);
    app.anonymous().sign_up("Grace").expect(201);
}

#[test]
fn a_guest_who_signs_up_with_an_invite_stays_the_same_and_joins() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let (_, secret) = owner.invite(room.id, json!({ "role": "member" }));
    let grace = app.guest("Grace");
    let body = json!({ "username": "Grace Hopper", "password": PASSWORD, "invite": secret });
    let member = TestClient::signed_in(app.addr(), &grace.post(USERS_PATH, &body).expect(201));
    assert_eq!(member.id(), grace.id());
    assert_eq!(member.viewer(room.id).role, Some(Role::Member));
}

#[test]
fn who_left_by_themselves_comes_back_by_the_invite_of_before() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let ada = app.member("Ada Lovelace");
    let (made, secret) = owner.invite(room.id, json!({ "max_uses": 2 }));
    ada.redeem(&secret).expect(200);
    ada.leave(room.id);
    ada.redeem(&secret).expect(200);
    assert_eq!(uses(&owner, &room, &made), 2);
    ada.leave(room.id);
    ada.redeem(&secret).problem(410, ErrorCode::InviteGone);
}

#[test]
fn a_mute_outlives_leaving_and_returning_by_an_invite() {
    let app = TestApp::start();
    let (owner, room) = owner_of_a_private_room(&app);
    let ada = app.member("Ada Lovelace");
    ada.join_by_invite_of(&owner, room.id, Role::Member);
    owner.mute(room.id, &ada);
    ada.leave(room.id);
    let member = ada.join_by_invite_of(&owner, room.id, Role::Member);
    assert!(member.muted_until.is_some(), "{member:?}");
    let body = json!({ "text": "hello" });
    ada.post(&shared::messages::messages_path(room.id), &body).problem(403, ErrorCode::Muted);
}
