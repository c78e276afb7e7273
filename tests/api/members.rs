//! Members of rooms: joining, leaving, adding, roles and their ranks, mutes, passing ownership on.

use serde_json::json;
use shared::errors::{ErrorCode, LimitScope};
use shared::members::{Member, Role, member_path, members_path, mute_path, own_membership_path, owner_path};
use shared::messages::messages_path;
use shared::page::Page;
use shared::rooms::room_path;
use shared::text::InvalidCode;
use support::app::TestApp;
use support::client::TestClient;
use support::membership::in_an_hour;

use crate::shape::{assert_keys, assert_timestamp};

/// A room with an owner, two moderators, a member and a guest of the room, all with accounts.
struct Ranks {
    app: TestApp,
    room: shared::rooms::Room,
    admin: TestClient,
    owner: TestClient,
    moderator: TestClient,
    other_moderator: TestClient,
    member: TestClient,
    guest: TestClient,
}

impl Ranks {
    fn new() -> Self {
        let app = TestApp::start();
        let admin = app.member("Administrator");
        let [owner, moderator, other_moderator, member, guest] =
            ["The owner", "The moderator", "The other", "The member", "The guest"]
                .map(|name| app.member(name));
        let room = owner.create_room("ranks");
        owner.add(room.id, &moderator, Role::Moderator);
        owner.add(room.id, &other_moderator, Role::Moderator);
        owner.add(room.id, &member, Role::Member);
        owner.add(room.id, &guest, Role::Guest);
        Self { app, room, admin, owner, moderator, other_moderator, member, guest }
    }
}

#[test]
fn joining_a_public_room_is_answered_with_the_member_and_repeats_change_nothing() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let (grace, ada) = (app.guest("Grace"), app.member("Ada Lovelace"));
    let answer = grace.request("PUT", &own_membership_path(room.id)).send().expect(201);
    let body = answer.value();
    assert_keys(&body, &["joined_at", "role", "user"]);
    assert_timestamp(&body["joined_at"]);
    let member: Member = answer.json();
    assert_eq!(
        (&member.user, member.role),
        (grace.user(), Role::Guest),
        "guests of the server join as guests"
    );
    assert_eq!(ada.join(room.id).role, Role::Member);
    let rev = alice.room(room.id).rev;
    let again: Member = grace.request("PUT", &own_membership_path(room.id)).send().expect(200).json();
    assert_eq!(again, member);
    let room = alice.room(room.id);
    assert_eq!((room.rev, room.member_count), (rev, 3));
    assert_eq!(grace.viewer(room.id).role, Some(Role::Guest));
}

#[test]
fn writing_in_a_public_room_joins_it_and_reading_does_not() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let (grace, ada) = (app.guest("Grace"), app.member("Ada Lovelace"));
    grace.get(&messages_path(room.id)).expect(200);
    support::socket::TestSocket::connect(&grace).subscribe(room.id);
    assert_eq!(alice.roles(room.id), [(Role::Owner, alice.id())]);
    grace.send(room.id, "hello");
    ada.send(room.id, "hello");
    let expected = [(Role::Owner, alice.id()), (Role::Member, ada.id()), (Role::Guest, grace.id())];
    assert_eq!(alice.roles(room.id), expected);
    // Who has left joins again.
    grace.leave(room.id);
    grace.send(room.id, "hello again");
    assert_eq!(alice.role_of(room.id, &grace), Some(Role::Guest));
}

#[test]
fn leaving_ends_the_membership_once() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let path = own_membership_path(room.id);
    grace.delete(&path).problem(404, ErrorCode::MemberNotFound);
    grace.join(room.id);
    grace.leave(room.id);
    grace.delete(&path).problem(404, ErrorCode::MemberNotFound);
    grace.delete(&member_path(room.id, grace.id())).problem(404, ErrorCode::MemberNotFound);
    assert_eq!(alice.room(room.id).member_count, 1);
    // One's own id means `me`.
    grace.join(room.id);
    grace.delete(&member_path(room.id, grace.id())).expect(204);
    assert_eq!(alice.role_of(room.id, &grace), None);
}

#[test]
fn the_last_owner_neither_leaves_nor_steps_down() {
    let app = TestApp::start();
    app.member("Administrator");
    let (alice, room) = app.alice_in_a_room();
    let ada = app.member("Ada Lovelace");
    ada.join(room.id);
    let lower =
        |client: &TestClient| client.put(&member_path(room.id, client.id()), &json!({ "role": "member" }));
    alice.delete(&own_membership_path(room.id)).problem(409, ErrorCode::LastOwner);
    lower(&alice).problem(409, ErrorCode::LastOwner);
    alice.add(room.id, &ada, Role::Owner);
    lower(&alice).expect(200);
    assert_eq!(alice.roles(room.id), [(Role::Owner, ada.id()), (Role::Member, alice.id())]);
    ada.delete(&own_membership_path(room.id)).problem(409, ErrorCode::LastOwner);
    alice.leave(room.id);
}

#[test]
fn of_two_owners_who_leave_at_once_one_stays() {
    let app = TestApp::start();
    app.member("Administrator");
    let (alice, room) = app.alice_in_a_room();
    let ada = app.member("Ada Lovelace");
    for _ in 0..20 {
        ada.join(room.id);
        alice.join(room.id);
        let owner = if alice.role_of(room.id, &alice) == Some(Role::Owner) { &alice } else { &ada };
        owner.add(room.id, &alice, Role::Owner);
        owner.add(room.id, &ada, Role::Owner);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let leaving = [&alice, &ada]
                .map(|client| scope.spawn(move || client.delete(&own_membership_path(room.id)).status));
            leaving.into_iter().map(|one| one.join().expect("an answer")).collect()
        });
        assert!(statuses == [204, 409] || statuses == [409, 204], "{statuses:?}");
    }
}

#[test]
fn members_are_listed_by_role_and_then_by_the_time_of_joining_in_pages() {
    let ranks = Ranks::new();
    let late = ranks.app.guest("Late");
    late.join(ranks.room.id);
    let expected = [
        (Role::Owner, ranks.owner.id()),
        (Role::Moderator, ranks.moderator.id()),
        (Role::Moderator, ranks.other_moderator.id()),
        (Role::Member, ranks.member.id()),
        (Role::Guest, ranks.guest.id()),
        (Role::Guest, late.id()),
    ];
    assert_eq!(ranks.owner.roles(ranks.room.id), expected);
    assert_eq!(ranks.app.anonymous().roles(ranks.room.id), expected);
    for limit in 1..=6 {
        let mut path = format!("{}?limit={limit}", members_path(ranks.room.id));
        let mut found = Vec::new();
        loop {
            let answer = ranks.owner.get(&path).expect(200);
            let page: Page<Member> = answer.json();
            assert!(page.items.len() <= limit);
            found.extend(page.items.iter().map(|member| (member.role, member.user.id)));
            let Some(cursor) = page.next_cursor else {
                assert_eq!(answer.header("link").filter(|link| link.contains("rel=\"next\"")), None);
                break;
            };
            assert!(answer.header("link").is_some_and(|link| link.contains("rel=\"next\"")));
            path = format!("{}?limit={limit}&cursor={cursor}", members_path(ranks.room.id));
        }
        assert_eq!(found, expected, "limit {limit}");
    }
    let path = members_path(ranks.room.id);
    ranks.owner.get(&format!("{path}?cursor=nonsense")).problem(400, ErrorCode::InvalidCursor);
    ranks.owner.get(&format!("{path}?limit=0")).problem(422, ErrorCode::ValidationFailed);
    ranks.owner.get(&format!("{path}?limit=101")).problem(422, ErrorCode::ValidationFailed);
}

#[test]
fn adding_somebody_makes_them_a_member_and_repeats_change_nothing() {
    let ranks = Ranks::new();
    let ada = ranks.app.member("Ada Lovelace");
    let answer = ranks.owner.put_member(ranks.room.id, &ada, Role::Moderator).expect(201);
    let member: Member = answer.json();
    assert_eq!((&member.user, member.role), (ada.user(), Role::Moderator));
    let rev = ranks.owner.room(ranks.room.id).rev;
    assert_eq!(
        ranks.owner.put_member(ranks.room.id, &ada, Role::Moderator).expect(200).json::<Member>(),
        member
    );
    assert_eq!(ranks.owner.room(ranks.room.id).rev, rev, "the same role is no change");
}

#[test]
fn an_owner_grants_any_role_a_moderator_lower_ones_and_a_member_only_adds() {
    let ranks = Ranks::new();
    let room = ranks.room.id;
    let mut number = 0;
    let mut come = || {
        number += 1;
        ranks.app.member(&format!("newcomer {number}"))
    };
    let refused = |by: &TestClient, who: &TestClient, role| {
        by.put_member(room, who, role).problem(403, ErrorCode::NotAllowed);
    };
    for role in Role::ALL {
        assert_eq!(ranks.owner.add(room, &come(), role).role, role);
    }
    for (by, allowed) in
        [(&ranks.moderator, [Role::Member, Role::Guest]), (&ranks.member, [Role::Member, Role::Guest])]
    {
        for role in Role::ALL {
            let newcomer = come();
            if allowed.contains(&role) {
                assert_eq!(by.add(room, &newcomer, role).role, role);
            } else {
                refused(by, &newcomer, role);
                assert_eq!(ranks.owner.role_of(room, &newcomer), None);
            }
        }
    }
    for role in Role::ALL {
        refused(&ranks.guest, &come(), role);
    }

    // Roles of those who are in.
    ranks.moderator.add(room, &ranks.member, Role::Guest);
    ranks.moderator.add(room, &ranks.member, Role::Member);
    refused(&ranks.moderator, &ranks.member, Role::Moderator);
    refused(&ranks.member, &ranks.guest, Role::Member);
    refused(&ranks.member, &ranks.guest, Role::Guest);
    ranks.owner.add(room, &ranks.guest, Role::Owner);
    assert_eq!(ranks.owner.role_of(room, &ranks.guest), Some(Role::Owner));
}

#[test]
fn ranks_act_on_strictly_lower_ranks_only() {
    let ranks = Ranks::new();
    let room = ranks.room.id;
    let act = |by: &TestClient, target: &TestClient| {
        let until = json!({ "until": in_an_hour() });
        [
            by.put_member(room, target, Role::Guest),
            by.put(&mute_path(room, target.id()), &until),
            by.delete(&mute_path(room, target.id())),
            by.put(&shared::bans::ban_path(room, target.id()), &json!({})),
            by.delete(&member_path(room, target.id())),
        ]
    };
    for (by, target) in [
        (&ranks.moderator, &ranks.owner),
        (&ranks.moderator, &ranks.other_moderator),
        (&ranks.member, &ranks.guest),
        (&ranks.member, &ranks.owner),
        (&ranks.guest, &ranks.member),
    ] {
        for answer in act(by, target) {
            answer.problem(403, ErrorCode::NotAllowed);
        }
    }
    let second = ranks.app.member("Second owner");
    ranks.owner.add(room, &second, Role::Owner);
    for answer in act(&ranks.owner, &second) {
        answer.problem(403, ErrorCode::NotAllowed);
    }
    ranks.moderator.remove(room, &ranks.member);
    ranks.owner.remove(room, &ranks.other_moderator);
    assert_eq!(ranks.owner.members(room).len(), 4);
}

#[test]
fn an_admin_of_the_server_ranks_above_owners_in_public_rooms_and_cannot_be_banned_there() {
    let ranks = Ranks::new();
    let (room, admin) = (ranks.room.id, &ranks.admin);
    admin.join(room);
    for answer in [
        ranks.owner.put_member(room, admin, Role::Guest),
        ranks.owner.delete(&member_path(room, admin.id())),
        ranks.owner.put(&shared::bans::ban_path(room, admin.id()), &json!({})),
        ranks.owner.put(&mute_path(room, admin.id()), &json!({ "until": in_an_hour() })),
    ] {
        answer.problem(403, ErrorCode::NotAllowed);
    }
    admin.mute(room, &ranks.owner);
    admin.unmute(room, &ranks.owner);
    // But the own role does not let it grant any.
    admin.put_member(room, &ranks.owner, Role::Guest).problem(403, ErrorCode::NotAllowed);
    admin.remove(room, &ranks.moderator);
    assert_eq!(ranks.owner.role_of(room, &ranks.moderator), None);
}

#[test]
fn anybody_may_lower_their_own_role_but_not_raise_it() {
    let ranks = Ranks::new();
    let room = ranks.room.id;
    for (client, lower, higher) in [
        (&ranks.moderator, Role::Member, Role::Owner),
        (&ranks.member, Role::Guest, Role::Moderator),
        (&ranks.guest, Role::Guest, Role::Member),
    ] {
        client.put_member(room, client, higher).problem(403, ErrorCode::NotAllowed);
        let member: Member = client.put_member(room, client, lower).expect(200).json();
        assert_eq!(member.role, lower);
    }
    ranks.moderator.put_member(room, &ranks.moderator, Role::Moderator).problem(403, ErrorCode::NotAllowed);
}

#[test]
fn who_puts_themselves_joins_whatever_the_role() {
    let ranks = Ranks::new();
    let ada = ranks.app.member("Ada Lovelace");
    let member: Member = ada.put_member(ranks.room.id, &ada, Role::Owner).expect(201).json();
    assert_eq!(member.role, Role::Member);
}

#[test]
fn kind_guest_adds_nobody_and_a_guest_whom_one_does_not_share_a_room_with_is_not_found() {
    let ranks = Ranks::new();
    let (grace, unseen) = (ranks.app.guest("Grace"), ranks.app.guest("Unseen"));
    ranks.owner.put_member(ranks.room.id, &unseen, Role::Member).problem(404, ErrorCode::UserNotFound);
    let unknown = shared::ids::UserId(uuid::Uuid::now_v7());
    let path = member_path(ranks.room.id, unknown);
    let body = json!({ "role": "member" });
    ranks.owner.put(&path, &body).problem(404, ErrorCode::UserNotFound);
    ranks
        .owner
        .put(&format!("{}/nobody", members_path(ranks.room.id)), &body)
        .problem(404, ErrorCode::UserNotFound);
    // In a room of both she is seen.
    let other = ranks.owner.create_room("another room");
    unseen.join(other.id);
    ranks.owner.add(ranks.room.id, &unseen, Role::Member);

    grace.join(ranks.room.id);
    ranks.owner.add(ranks.room.id, &grace, Role::Moderator);
    let newcomer = ranks.app.member("Newcomer");
    grace.put_member(ranks.room.id, &newcomer, Role::Guest).problem(404, ErrorCode::UserNotFound);
    newcomer.join(other.id);
    grace.join(other.id);
    grace.put_member(ranks.room.id, &newcomer, Role::Guest).problem(403, ErrorCode::MembersOnly);
}

#[test]
fn a_role_that_does_not_exist_is_invalid() {
    let ranks = Ranks::new();
    let path = member_path(ranks.room.id, ranks.member.id());
    for (body, code) in [
        (json!({}), InvalidCode::Required),
        (json!({ "role": "king" }), InvalidCode::InvalidFormat),
        (json!({ "role": 1 }), InvalidCode::InvalidType),
        (json!({ "role": null }), InvalidCode::InvalidType),
    ] {
        ranks.owner.put(&path, &body).invalid(&[("/role", code)]);
    }
}

#[test]
fn a_role_that_was_lowered_outlives_leaving_until_somebody_entitled_raises_it() {
    let ranks = Ranks::new();
    let room = ranks.room.id;
    let (member, moderator) = (&ranks.member, &ranks.moderator);
    moderator.add(room, member, Role::Guest);
    member.leave(room);
    assert_eq!(member.join(room).role, Role::Guest);
    member.leave(room);
    member.send(room, "hello");
    assert_eq!(ranks.owner.role_of(room, member), Some(Role::Guest));
    member.leave(room);
    let (_, secret) = ranks.owner.invite(room, json!({ "role": "moderator" }));
    member.redeem(&secret).expect(200);
    assert_eq!(ranks.owner.role_of(room, member), Some(Role::Guest), "an invite does not raise it");
    moderator.add(room, member, Role::Member);
    member.leave(room);
    assert_eq!(member.join(room).role, Role::Member);
}

#[test]
fn a_role_that_one_lowered_oneself_caps_nothing() {
    let ranks = Ranks::new();
    let (room, moderator) = (ranks.room.id, &ranks.moderator);
    moderator.put_member(room, moderator, Role::Guest).expect(200);
    moderator.leave(room);
    assert_eq!(moderator.join(room).role, Role::Member);
    moderator.leave(room);
    assert_eq!(moderator.join_by_invite_of(&ranks.owner, room, Role::Moderator).role, Role::Moderator);
}

#[test]
fn who_comes_back_has_the_role_of_a_newcomer_and_not_that_of_before() {
    let ranks = Ranks::new();
    let (room, moderator) = (ranks.room.id, &ranks.moderator);
    moderator.leave(room);
    assert_eq!(moderator.join(room).role, Role::Member);
}

#[test]
fn a_token_that_only_reads_changes_no_membership_and_one_that_only_writes_reads_none() {
    let ranks = Ranks::new();
    let room = ranks.room.id;
    let token = |scopes: &[&str]| {
        let body = json!({ "name": "script", "scopes": scopes, "password": support::client::PASSWORD });
        let made = ranks.owner.post(shared::tokens::TOKENS_PATH, &body).expect(201).value();
        let token = made["token"].as_str().expect("a token").to_owned();
        TestClient::known(ranks.app.addr(), ranks.owner.user().clone(), &token)
    };
    let (reads, writes) = (token(&["read"]), token(&["write"]));
    for path in [members_path(room), shared::bans::bans_path(room), shared::audit::audit_path(room)] {
        reads.get(&path).expect(200);
        writes.get(&path).problem(403, ErrorCode::InsufficientScope);
    }
    let act = |client: &TestClient| {
        [
            client.put_member(room, &ranks.guest, Role::Member),
            client.put(&mute_path(room, ranks.guest.id()), &json!({ "until": in_an_hour() })),
            client.put(&shared::bans::ban_path(room, ranks.guest.id()), &json!({})),
            client.delete(&shared::bans::ban_path(room, ranks.guest.id())),
            client.post(&shared::invites::invites_path(room), &json!({})),
        ]
    };
    for refused in act(&reads) {
        refused.problem(403, ErrorCode::InsufficientScope);
    }
    for done in act(&writes) {
        assert!(done.status < 300, "{}", done.text());
    }
}

#[test]
fn a_mute_silences_until_its_time_and_outlives_leaving() {
    let ranks = Ranks::new();
    let (room, member) = (ranks.room.id, &ranks.member);
    let message = member.send(room, "hello");
    ranks.moderator.mute(room, member);
    let listed = ranks.owner.members(room).into_iter().find(|one| one.user.id == member.id());
    assert!(listed.is_some_and(|one| one.muted_until.is_some()), "everybody sees it");
    let refused = |answer: support::http::Response| {
        let problem = answer.problem(403, ErrorCode::Muted);
        let seconds = problem.retry_after.expect("when to come back");
        assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    };
    let send = || member.post(&messages_path(room), &json!({ "text": "hello" }));
    refused(send());
    refused(member.patch(&shared::messages::message_path(room, message.id), &json!({ "text": "edited" })));
    member.leave(room);
    refused(send());
    member.join(room);
    assert!(member.viewer(room).muted_until.is_some());
    refused(send());
    member.delete_message(&message);
    ranks.moderator.unmute(room, member);
    assert_eq!(send().status, 201);
    assert_eq!(member.viewer(room).muted_until, None);

    // A short one ends by itself.
    let until = (chrono::Utc::now() + chrono::TimeDelta::milliseconds(1_500)).to_rfc3339();
    ranks.moderator.put(&mute_path(room, member.id()), &json!({ "until": until })).expect(204);
    send().problem(403, ErrorCode::Muted);
    support::wait::until("the mute is over", || (send().status == 201).then_some(()));
}

#[test]
fn a_mute_needs_a_time_in_the_future_and_a_member() {
    let ranks = Ranks::new();
    let path = mute_path(ranks.room.id, ranks.member.id());
    for body in [
        json!({}),
        json!({ "until": null }),
        json!({ "until": 7 }),
        json!({ "until": "soon" }),
        json!({ "until": "2020-01-01T00:00:00.000Z" }),
    ] {
        let problem = ranks.moderator.put(&path, &body).problem(422, ErrorCode::ValidationFailed);
        assert_eq!(problem.errors[0].pointer, "/until", "{body}");
    }
    let stranger = ranks.app.member("Stranger");
    let path = mute_path(ranks.room.id, stranger.id());
    ranks.moderator.put(&path, &json!({ "until": in_an_hour() })).problem(404, ErrorCode::MemberNotFound);
    ranks.moderator.delete(&path).problem(404, ErrorCode::MemberNotFound);
    ranks
        .moderator
        .delete(&member_path(ranks.room.id, stranger.id()))
        .problem(404, ErrorCode::MemberNotFound);
}

#[test]
fn ownership_passes_to_a_member_and_the_former_owner_becomes_moderator() {
    let ranks = Ranks::new();
    let room = ranks.room.id;
    let stranger = ranks.app.member("Stranger");
    let path = owner_path(room);
    ranks.owner.put(&path, &json!({ "user_id": stranger.id() })).problem(404, ErrorCode::MemberNotFound);
    ranks.owner.put(&path, &json!({})).invalid(&[("/user_id", InvalidCode::Required)]);
    ranks
        .owner
        .put(&path, &json!({ "user_id": "nobody" }))
        .invalid(&[("/user_id", InvalidCode::InvalidFormat)]);
    let after = ranks.owner.transfer(room, &ranks.member);
    assert_eq!(after.viewer.and_then(|viewer| viewer.role), Some(Role::Moderator));
    assert_eq!(ranks.owner.role_of(room, &ranks.owner), Some(Role::Moderator));
    assert_eq!(ranks.owner.role_of(room, &ranks.member), Some(Role::Owner));
    ranks.owner.put(&path, &json!({ "user_id": ranks.owner.id() })).problem(403, ErrorCode::NotAllowed);
    ranks.member.patch(&room_path(room), &json!({ "visibility": "private" })).expect(200);
}

#[test]
fn members_who_return_read_everything_of_the_time_they_were_away() {
    let app = TestApp::start();
    let (alice, ada) = (app.member("Alice"), app.member("Ada Lovelace"));
    let room = alice.create_private_room("between us");
    alice.add(room.id, &ada, Role::Member);
    ada.leave(room.id);
    let missed = alice.send(room.id, "while you were away");
    alice.add(room.id, &ada, Role::Member);
    assert_eq!(ada.whole_history(room.id), [missed]);
}

#[test]
fn nobody_adds_more_than_twenty_people_an_hour() {
    let app = TestApp::start();
    let people: Vec<_> = (0..21).map(|number| app.member(&format!("newcomer {number}"))).collect();
    let mut app = app;
    let owner = app.member("The owner");
    let token = owner.token().expect("a session").to_owned();
    app.restart(&[]);
    let owner = TestClient::known(app.addr(), owner.user().clone(), &token);
    let room = owner.create_private_room("for many");
    for person in &people[..20] {
        support::wait::until("the general limit lets it pass", || {
            (owner.put_member(room.id, person, Role::Guest).status != 429).then_some(())
        });
    }
    let problem = owner.put_member(room.id, &people[20], Role::Guest).problem(429, ErrorCode::RateLimited);
    assert_eq!(problem.scope, Some(LimitScope::User));
    assert!(problem.retry_after.is_some_and(|seconds| seconds > 60), "{problem:?}");
    assert_eq!(owner.members(room.id).len(), 21);
}

#[test]
fn nobody_is_a_member_of_more_than_five_hundred_rooms() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.member("Grace");
    app.db().execute(&format!(
        "WITH made AS (INSERT INTO rooms (id, name, name_key, created_at, updated_at, member_count) \
         SELECT gen_random_uuid(), 'filler ' || n, 'filler ' || n, now(), now(), 1 FROM generate_series(1, 499) AS n \
         RETURNING id) INSERT INTO memberships (room_id, user_id, role, joined_at, rev, joined_rev) \
         SELECT id, '{}', 2, now(), 0, 0 FROM made",
        grace.id()
    ));
    grace.join(room.id);
    let other = alice.create_room("one too many");
    let refusals = [
        grace.request("PUT", &own_membership_path(other.id)).send(),
        grace.post(&messages_path(other.id), &json!({ "text": "hello" })),
        grace.post(shared::rooms::ROOMS_PATH, &json!({ "name": "my own" })),
    ];
    for refused in refusals {
        assert!((400..500).contains(&refused.status), "{}", refused.text());
    }
    assert_eq!(alice.role_of(other.id, &grace), None);
    grace.leave(room.id);
    grace.join(other.id);
}

#[test]
fn a_message_that_is_refused_does_not_join_and_neither_do_edits_and_deletions() {
    let ranks = Ranks::new();
    let (room, grace) = (ranks.room.id, ranks.app.guest("Grace"));
    let other = ranks.owner.create_room("another room");
    let taken = ranks.owner.send(other.id, "taken");
    let own = grace.send(room, "my own");
    grace.leave(room);
    let rev = ranks.owner.room(room).rev;
    let path = messages_path(room);
    grace.post(&path, &json!({ "text": "hello", "id": taken.id })).problem(409, ErrorCode::MessageIdReused);
    grace.post(&path, &json!({ "text": "x" })).problem(422, ErrorCode::ValidationFailed);
    grace.post(&path, &json!({ "text": "other", "id": own.id })).problem(409, ErrorCode::MessageIdReused);
    assert_eq!((ranks.owner.role_of(room, &grace), ranks.owner.room(room).rev), (None, rev));
    grace.edit(&own, "edited from outside");
    grace.delete_message(&own);
    assert_eq!(ranks.owner.role_of(room, &grace), None);
    assert_eq!(ranks.owner.room(room).rev, rev.next().next());
    ranks.owner.set_room(room, json!({ "posting": "accounts" }));
    grace.post(&path, &json!({ "text": "hello" })).problem(403, ErrorCode::MembersOnly);
    assert_eq!(ranks.owner.role_of(room, &grace), None);
}

#[test]
fn a_members_page_goes_on_where_it_was_when_the_member_there_has_left() {
    let ranks = Ranks::new();
    let room = ranks.room.id;
    let first: Page<Member> = ranks.owner.get(&format!("{}?limit=4", members_path(room))).expect(200).json();
    let cursor = first.next_cursor.expect("there is one more");
    assert_eq!(first.items[3].user.id, ranks.member.id());
    ranks.member.leave(room);
    ranks.moderator.leave(room);
    let rest: Page<Member> =
        ranks.owner.get(&format!("{}?limit=4&cursor={cursor}", members_path(room))).expect(200).json();
    assert_eq!(rest.items.iter().map(|member| member.user.id).collect::<Vec<_>>(), [ranks.guest.id()]);
}
