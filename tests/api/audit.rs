//! The audit log of a room: one row for each act, in the same transaction, never with the text of a message.

use serde_json::json;
use shared::audit::{AuditEntry, audit_path};
use shared::errors::ErrorCode;
use shared::invites::invite_path;
use shared::members::{Role, mute_path};
use shared::page::Page;
use support::app::TestApp;
use support::membership::in_an_hour;

use crate::shape::{assert_timestamp, assert_uuid_v7};

#[test]
fn every_act_is_one_row_with_who_did_what_to_whom() {
    let app = TestApp::start();
    let [_admin, owner, moderator, member] =
        ["Administrator", "The owner", "The moderator", "The member"].map(|name| app.member(name));
    let room = owner.create_private_room("on the record").id;
    owner.add(room, &moderator, Role::Member);
    owner.add(room, &member, Role::Member);
    let message = member.send(room, "a text that no log has");
    let (made, secret) = owner.invite(room, json!({ "role": "member" }));
    let mut before = owner.audit(room).len();
    let newcomer = app.member("The newcomer");
    let mut rows = Vec::new();
    let mut step = |act: &dyn Fn()| {
        act();
        let log = owner.audit(room);
        assert_eq!(log.len(), before + 1, "one row for each act: {:#?}", &log[..log.len() - before]);
        before = log.len();
        let row = log[0].clone();
        rows.push((
            row.action.clone(),
            row.actor.as_ref().map(|user| user.id),
            row.target.as_ref().map(|user| user.id),
        ));
        row
    };
    let by_owner = Some(owner.id());
    let of_member = Some(member.id());
    step(&|| drop(newcomer.redeem(&secret).expect(200)));
    step(&|| drop(owner.delete(&invite_path(room, made.invite.id)).expect(204)));
    let raised = step(&|| drop(owner.add(room, &moderator, Role::Moderator)));
    assert_eq!(raised.detail.before.as_deref(), Some("member"));
    assert_eq!(raised.detail.after.as_deref(), Some("moderator"));
    assert_eq!(raised.target.as_ref().map(|user| user.id), Some(moderator.id()));
    step(&|| {
        drop(moderator.put(&mute_path(room, member.id()), &json!({ "until": in_an_hour() })).expect(204))
    });
    step(&|| moderator.unmute(room, &member));
    step(&|| moderator.delete_message(&message));
    step(&|| moderator.remove(room, &member));
    let ban = step(&|| {
        let body = json!({ "reason": "Noise" });
        moderator.put(&shared::bans::ban_path(room, member.id()), &body).expect(204);
    });
    assert_eq!((ban.action.as_str(), ban.detail.reason.as_deref()), ("ban", Some("Noise")));
    assert_eq!(ban.actor.map(|user| user.id), Some(moderator.id()));
    assert_eq!(ban.target.map(|user| user.id), of_member);
    step(&|| moderator.unban(room, &member));
    let renamed = step(&|| drop(owner.rename_room(room, "off the record")));
    assert_eq!(renamed.detail.before.as_deref(), Some("on the record"));
    assert_eq!(renamed.detail.after.as_deref(), Some("off the record"));
    assert_eq!(renamed.actor.map(|user| user.id), by_owner);
    step(&|| drop(owner.set_room(room, json!({ "topic": "A topic" }))));
    step(&|| drop(owner.set_room(room, json!({ "slow_mode_seconds": 5 }))));
    step(&|| drop(owner.set_room(room, json!({ "posting": "accounts" }))));
    step(&|| drop(owner.set_room(room, json!({ "visibility": "public", "publish_history": true }))));
    step(&|| drop(owner.transfer(room, &moderator)));

    let mut kinds: Vec<_> = rows.iter().map(|(action, ..)| action.clone()).collect();
    let count = kinds.len();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), count, "each kind of act has its own name: {kinds:?}");
    let text = owner.get(&format!("{}?limit=100", audit_path(room))).expect(200).text().to_owned();
    assert!(!text.contains("a text that no log has") && !text.contains(&secret), "{text}");
    assert!(rows.iter().all(|(_, actor, _)| actor.is_some()), "{rows:?}");
}

#[test]
fn the_log_is_newest_first_and_comes_in_pages() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let room = owner.create_room("name 0").id;
    for number in 1..=7 {
        owner.rename_room(room, &format!("name {number}"));
    }
    let whole = owner.audit(room);
    let names: Vec<_> = whole.iter().filter_map(|entry| entry.detail.after.as_deref()).collect();
    assert_eq!(names, ["name 7", "name 6", "name 5", "name 4", "name 3", "name 2", "name 1"]);
    assert!(whole.windows(2).all(|pair| pair[0].at >= pair[1].at));
    let wire = owner.get(&audit_path(room)).expect(200).value();
    assert_uuid_v7(&wire["items"][0]["id"]);
    assert_timestamp(&wire["items"][0]["at"]);
    for limit in 1..=7 {
        let mut path = format!("{}?limit={limit}", audit_path(room));
        let mut found: Vec<AuditEntry> = Vec::new();
        loop {
            let page: Page<AuditEntry> = owner.get(&path).expect(200).json();
            assert!(page.items.len() <= limit);
            found.extend(page.items);
            let Some(cursor) = page.next_cursor else { break };
            path = format!("{}?limit={limit}&cursor={cursor}", audit_path(room));
        }
        assert_eq!(found, whole, "limit {limit}");
    }
    owner.get(&format!("{}?cursor=nonsense", audit_path(room))).problem(400, ErrorCode::InvalidCursor);
}

#[test]
fn what_is_refused_or_changes_nothing_is_not_logged() {
    let app = TestApp::start();
    let [_admin, owner, member] = ["Administrator", "The owner", "The member"].map(|name| app.member(name));
    let room = owner.create_room("quiet").id;
    owner.add(room, &member, Role::Member);
    let message = member.send(room, "hello");
    let before = owner.audit(room).len();
    member
        .patch(&shared::rooms::room_path(room), &json!({ "name": "mine" }))
        .problem(403, ErrorCode::NotAllowed);
    owner.rename_room(room, "quiet");
    owner.add(room, &member, Role::Member);
    owner.unmute(room, &member);
    // One's own message is one's own affair.
    member.delete_message(&message);
    owner.delete_message(&message);
    assert_eq!(owner.audit(room).len(), before);
}

#[test]
fn the_log_shows_the_present_names_of_people() {
    let app = TestApp::start();
    let [_admin, owner, member] = ["Administrator", "The owner", "Ada Byron"].map(|name| app.member(name));
    let room = owner.create_room("renamed people").id;
    owner.add(room, &member, Role::Member);
    owner.add(room, &member, Role::Moderator);
    member.patch(shared::users::CURRENT_USER_PATH, &json!({ "username": "Ada Lovelace" })).expect(200);
    let target = owner.audit(room)[0].target.clone().expect("whom it concerns");
    assert_eq!(target.username.as_str(), "Ada Lovelace");
}
