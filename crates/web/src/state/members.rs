//! The members of the open room, page by page as the server lists them, and live from then on.
//!
//! Pure. Each member keeps the `rev` of what was heard last about them, so that a page that was read before an event
//! does not undo it.

use std::collections::HashMap;

use shared::events::ServerEvent;
use shared::ids::{Rev, RoomId, UserId};
use shared::members::{Member, MembershipChange, Role};
use shared::messages::Author;
use shared::page::{Cursor, Page};
use shared::users::User;

use crate::state::presence::Presence;

/// The members of a room that are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    room_id: Option<RoomId>,
    members: HashMap<UserId, Member>,
    /// Who changed since the room was entered: pages may be older than that.
    changed: HashMap<UserId, Rev>,
    next_cursor: Option<Cursor>,
    is_loaded: bool,
}

/// People of one kind in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The role; `None` for people who are here and are no members.
    pub role: Option<Role>,
    /// The people, those who are here first.
    pub people: Vec<Person>,
}

/// Somebody in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub user: User,
    /// Whether they are in the room now.
    pub is_online: bool,
}

impl Members {
    /// The user enters this room, or none.
    pub fn enter(&mut self, room_id: Option<RoomId>) {
        if self.room_id != room_id {
            *self = Self { room_id, ..Self::default() };
        }
    }

    /// Forgets the members, who are to be loaded afresh.
    pub fn clear(&mut self) {
        *self = Self { room_id: self.room_id, ..Self::default() };
    }

    /// Forgets the members if they are those of this room. Returns whether they were.
    pub fn forget(&mut self, room_id: RoomId) -> bool {
        let is_here = self.room_id == Some(room_id);
        if is_here {
            self.clear();
        }
        is_here
    }

    /// Whether the first page has come.
    pub fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// Leads to the next page; `None` when there are no more.
    pub fn next_cursor(&self) -> Option<&Cursor> {
        self.next_cursor.as_ref()
    }

    /// A member.
    pub fn get(&self, id: UserId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// The members, by role and then by name.
    pub fn all(&self) -> Vec<&Member> {
        let mut all: Vec<_> = self.members.values().collect();
        all.sort_by_cached_key(|member| (member.role, name_key(&member.user), member.user.id));
        all
    }

    /// Takes in a page of a room's members.
    pub fn insert_page(&mut self, room_id: RoomId, page: Page<Member>) {
        if self.room_id != Some(room_id) {
            return;
        }
        for member in page.items {
            if !self.changed.contains_key(&member.user.id) {
                self.members.insert(member.user.id, member);
            }
        }
        self.next_cursor = page.next_cursor;
        self.is_loaded = true;
    }

    /// Follows who joins, changes and leaves. Returns whether something changed.
    pub fn apply(&mut self, event: &ServerEvent) -> bool {
        match event {
            ServerEvent::MemberJoined(change) | ServerEvent::MemberUpdated(change) => {
                let (member, rev) = (change.member.clone(), change.rev);
                self.change(change.room_id, MembershipChange::Member { member, rev })
            }
            ServerEvent::MemberLeft { room_id, rev, user_id, reason } => {
                let left =
                    MembershipChange::Left { user_id: *user_id, left: true, reason: *reason, rev: *rev };
                self.change(*room_id, left)
            }
            _ => false,
        }
    }

    /// A membership changed. Returns whether it is one of this room.
    pub fn change(&mut self, room_id: RoomId, change: MembershipChange) -> bool {
        let (user_id, rev) = match &change {
            MembershipChange::Member { member, rev } => (member.user.id, *rev),
            MembershipChange::Left { user_id, rev, .. } => (*user_id, *rev),
        };
        if self.room_id != Some(room_id) || self.changed.get(&user_id).is_some_and(|known| *known >= rev) {
            return false;
        }
        self.changed.insert(user_id, rev);
        match change {
            MembershipChange::Member { member, .. } => self.members.insert(user_id, member),
            MembershipChange::Left { .. } => self.members.remove(&user_id),
        };
        true
    }

    /// Gives a member their current name and picture. Returns whether it changed.
    pub fn rename(&mut self, author: &Author) -> bool {
        match self.members.get_mut(&author.id) {
            Some(member) if Author::from(&member.user) != *author => {
                member.user.username = author.username.clone();
                member.user.kind = author.kind;
                member.user.avatar_url = author.avatar_url.clone();
                true
            }
            _ => false,
        }
    }

    /// The members by role, and who else is here. Those who are here come first in each group, then by name.
    pub fn groups(&self, presence: &Presence) -> Vec<Group> {
        let here = |id: UserId| presence.people.iter().any(|user| user.id == id);
        let group = |role: Option<Role>, mut people: Vec<Person>| {
            people.sort_by_cached_key(|person| (!person.is_online, name_key(&person.user), person.user.id));
            Group { role, people }
        };
        let members = |role: Role| {
            let of_role = self.members.values().filter(move |member| member.role == role);
            let person =
                |member: &Member| Person { user: member.user.clone(), is_online: here(member.user.id) };
            group(Some(role), of_role.map(person).collect())
        };
        let others = presence.people.iter().filter(|user| !self.members.contains_key(&user.id));
        let others = others.map(|user| Person { user: user.clone(), is_online: true }).collect();
        let roles = Role::ALL.into_iter().chain([Role::Unknown]).map(members);
        roles.chain([group(None, others)]).filter(|group| !group.people.is_empty()).collect()
    }
}

/// The order of names, without regard to the case of Latin letters.
fn name_key(user: &User) -> String {
    user.username.as_str().to_ascii_lowercase()
}

/// What the members of a role are called.
pub fn role_title(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Owner) => "Owners",
        Some(Role::Moderator) => "Moderators",
        Some(Role::Member) => "Members",
        Some(Role::Guest) => "Guests",
        Some(Role::Unknown) => "Others",
        None => "Also here",
    }
}

/// What a role is called.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Moderator => "Moderator",
        Role::Member => "Member",
        Role::Guest => "Guest",
        Role::Unknown => "Other",
    }
}

#[cfg(test)]
mod tests {
    use shared::events::MemberChange;
    use shared::members::LeaveReason;

    use super::*;
    use crate::state::samples::{member, room, room_id, user};

    fn page(items: Vec<Member>) -> Page<Member> {
        Page { items, next_cursor: None, prev_cursor: None }
    }

    fn entered() -> Members {
        let mut members = Members::default();
        members.enter(Some(room_id(1)));
        members
    }

    fn joined(rev: i64, member: Member) -> ServerEvent {
        ServerEvent::MemberJoined(MemberChange { room_id: room_id(1), rev: Rev(rev), member })
    }

    fn left(rev: i64, number: u8) -> ServerEvent {
        let user_id = user(number, "").id;
        ServerEvent::MemberLeft { room_id: room_id(1), rev: Rev(rev), user_id, reason: LeaveReason::Left }
    }

    #[test]
    fn members_are_grouped_by_role_and_those_who_are_here_come_first() {
        let mut members = entered();
        members.insert_page(
            room_id(1),
            page(vec![
                member(1, "zoe", Role::Owner),
                member(2, "adam", Role::Guest),
                member(3, "Bob", Role::Guest),
            ]),
        );
        let mut presence = Presence::default();
        presence.enter(Some(room_id(1)));
        let online = vec![user(3, "Bob"), user(9, "eve")];
        presence.apply(&ServerEvent::Subscribed { room: room(1, "a"), rev: Rev(0), online, visitors: 0 });
        let groups = members.groups(&presence);
        let seen: Vec<_> = groups
            .iter()
            .map(|group| {
                let names = group.people.iter().map(|it| (it.user.username.as_str(), it.is_online)).collect();
                (role_title(group.role), names)
            })
            .collect();
        let expected: Vec<(&str, Vec<(&str, bool)>)> = vec![
            ("Owners", vec![("zoe", false)]),
            ("Guests", vec![("Bob", true), ("adam", false)]),
            ("Also here", vec![("eve", true)]),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_page_does_not_undo_what_was_heard_meanwhile() {
        let mut members = entered();
        assert!(members.apply(&joined(5, member(1, "zoe", Role::Moderator))));
        assert!(members.apply(&left(6, 2)));
        let old = vec![member(1, "zoe", Role::Guest), member(2, "adam", Role::Guest)];
        members.insert_page(room_id(1), page(old));
        let known: Vec<_> = members.all().into_iter().map(|it| (it.user.id, it.role)).collect();
        assert_eq!(known, [(user(1, "").id, Role::Moderator)]);
        assert!(!members.apply(&joined(4, member(1, "zoe", Role::Guest))), "it is older");
    }

    #[test]
    fn other_rooms_are_none_of_its_business() {
        let mut members = entered();
        members.enter(Some(room_id(2)));
        assert!(!members.apply(&joined(5, member(1, "zoe", Role::Owner))));
        members.insert_page(room_id(1), page(vec![member(1, "zoe", Role::Owner)]));
        assert!(!members.is_loaded() && members.all().is_empty());
    }

    #[test]
    fn a_new_name_is_the_members_name() {
        let mut members = entered();
        members.insert_page(room_id(1), page(vec![member(1, "zoe", Role::Owner)]));
        let author = Author::from(&user(1, "Zoë"));
        assert!(members.rename(&author) && !members.rename(&author));
        assert_eq!(members.get(user(1, "").id).map(|it| it.user.username.as_str()), Some("Zoë"));
    }
}
