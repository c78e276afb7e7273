//! Common steps with members, bans and invites.

use serde_json::{Value, json};
use shared::audit::{AuditEntry, audit_path};
use shared::bans::{Ban, ban_path, bans_path};
use shared::events::ServerEvent;
use shared::ids::{RoomId, UserId};
use shared::invites::{INVITE_REDEMPTION_PATH, NewInvite, Redeemed, invites_path};
use shared::members::{
    Member, Role, Viewer, member_path, members_path, mute_path, own_membership_path, owner_path,
};
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, Room, room_path};

use crate::client::TestClient;
use crate::http::Response;
use crate::socket::TestSocket;

impl TestClient {
    /// The id of the user.
    #[track_caller]
    pub fn id(&self) -> UserId {
        self.user().id
    }

    /// Creates a private room.
    #[track_caller]
    pub fn create_private_room(&self, name: &str) -> Room {
        self.post(ROOMS_PATH, &json!({ "name": name, "visibility": "private" })).expect(201).json()
    }

    /// Changes a room's name or settings.
    #[track_caller]
    pub fn set_room(&self, id: RoomId, settings: Value) -> Room {
        self.patch(&room_path(id), &settings).expect(200).json()
    }

    /// Joins a public room.
    #[track_caller]
    pub fn join(&self, room_id: RoomId) -> Member {
        let answer = self.request("PUT", &own_membership_path(room_id)).send();
        assert!(matches!(answer.status, 200 | 201), "the answer is {}", answer.text());
        answer.json()
    }

    /// Leaves a room.
    #[track_caller]
    pub fn leave(&self, room_id: RoomId) {
        self.delete(&own_membership_path(room_id)).expect(204);
    }

    /// Adds a user to a room, or changes a role.
    pub fn put_member(&self, room_id: RoomId, user: &Self, role: Role) -> Response {
        self.put(&member_path(room_id, user.id()), &json!({ "role": role }))
    }

    /// Adds a user to a room, or changes a role, successfully.
    #[track_caller]
    pub fn add(&self, room_id: RoomId, user: &Self, role: Role) -> Member {
        let answer = self.put_member(room_id, user, role);
        assert!(matches!(answer.status, 200 | 201), "the answer is {}", answer.text());
        answer.json()
    }

    /// Removes a member.
    #[track_caller]
    pub fn remove(&self, room_id: RoomId, user: &Self) {
        self.delete(&member_path(room_id, user.id())).expect(204);
    }

    /// Bans a user.
    #[track_caller]
    pub fn ban(&self, room_id: RoomId, user: &Self) {
        self.put(&ban_path(room_id, user.id()), &json!({})).expect(204);
    }

    /// Unbans a user.
    #[track_caller]
    pub fn unban(&self, room_id: RoomId, user: &Self) {
        self.delete(&ban_path(room_id, user.id())).expect(204);
    }

    /// Mutes a member for an hour.
    #[track_caller]
    pub fn mute(&self, room_id: RoomId, user: &Self) {
        self.put(&mute_path(room_id, user.id()), &json!({ "until": in_an_hour() })).expect(204);
    }

    /// Unmutes a member.
    #[track_caller]
    pub fn unmute(&self, room_id: RoomId, user: &Self) {
        self.delete(&mute_path(room_id, user.id())).expect(204);
    }

    /// Passes the ownership on.
    #[track_caller]
    pub fn transfer(&self, room_id: RoomId, user: &Self) -> Room {
        self.put(&owner_path(room_id), &json!({ "user_id": user.id() })).expect(200).json()
    }

    /// All members of a room, in their order.
    #[track_caller]
    pub fn members(&self, room_id: RoomId) -> Vec<Member> {
        self.pages(&members_path(room_id))
    }

    /// The roles and ids of all members of a room, in their order.
    #[track_caller]
    pub fn roles(&self, room_id: RoomId) -> Vec<(Role, UserId)> {
        self.members(room_id).iter().map(|member| (member.role, member.user.id)).collect()
    }

    /// The role of a user in a room.
    #[track_caller]
    pub fn role_of(&self, room_id: RoomId, user: &Self) -> Option<Role> {
        let members = self.members(room_id);
        members.iter().find(|member| member.user.id == user.id()).map(|member| member.role)
    }

    /// All bans of a room.
    #[track_caller]
    pub fn bans(&self, room_id: RoomId) -> Vec<Ban> {
        self.pages(&bans_path(room_id))
    }

    /// The whole audit log of a room, newest first.
    #[track_caller]
    pub fn audit(&self, room_id: RoomId) -> Vec<AuditEntry> {
        self.pages(&audit_path(room_id))
    }

    /// All rooms that the client sees.
    #[track_caller]
    pub fn rooms(&self) -> Vec<Room> {
        self.pages(ROOMS_PATH)
    }

    #[track_caller]
    fn pages<T: serde::de::DeserializeOwned>(&self, path: &str) -> Vec<T> {
        let mut page: Page<T> = self.get(&format!("{path}?limit=100")).expect(200).json();
        let mut all = page.items;
        while let Some(cursor) = page.next_cursor {
            page = self.get(&format!("{path}?limit=100&cursor={cursor}")).expect(200).json();
            all.extend(page.items);
        }
        all
    }

    /// What the client is in a room and may do there.
    #[track_caller]
    pub fn viewer(&self, room_id: RoomId) -> Viewer {
        self.room(room_id).viewer.expect("REST answers are for one person")
    }

    /// Makes an invite.
    #[track_caller]
    pub fn invite(&self, room_id: RoomId, body: Value) -> (NewInvite, String) {
        let made: NewInvite = self.post(&invites_path(room_id), &body).expect(201).json();
        let (_, secret) = made.url.split_once("/invite#").expect("the link of an invite");
        let secret = secret.to_owned();
        (made, secret)
    }

    /// Uses an invite.
    pub fn redeem(&self, secret: &str) -> Response {
        self.post(INVITE_REDEMPTION_PATH, &json!({ "secret": secret }))
    }

    /// Joins a room by an invite that `maker` makes for it.
    #[track_caller]
    pub fn join_by_invite_of(&self, maker: &Self, room_id: RoomId, role: Role) -> Member {
        let (_, secret) = maker.invite(room_id, json!({ "role": role }));
        self.redeem(&secret).expect(200).json::<Redeemed>().member
    }
}

impl TestSocket {
    /// The next `viewer_updated` of a room.
    #[track_caller]
    pub fn viewer_updated(&mut self, room: RoomId) -> Viewer {
        self.expect(|event| match event {
            ServerEvent::ViewerUpdated { room_id, viewer } if *room_id == room => Some(viewer.clone()),
            _ => None,
        })
    }
}

/// A time to which somebody can be muted.
pub fn in_an_hour() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339()
}
