//! Members of rooms, and what each user may do in a room.

use serde::{Deserialize, Serialize};

use crate::ids::{Rev, RoomId, Seq, UserId};
use crate::read_marks::Notify;
use crate::rooms::room_path;
use crate::timestamp::Timestamp;
use crate::users::User;

/// The URL path of a room's members.
pub fn members_path(room_id: RoomId) -> String {
    format!("{}/members", room_path(room_id))
}

/// The URL path of a member of a room.
pub fn member_path(room_id: RoomId, user_id: UserId) -> String {
    format!("{}/{user_id}", members_path(room_id))
}

/// The URL path of the caller's own membership.
pub fn own_membership_path(room_id: RoomId) -> String {
    format!("{}/me", members_path(room_id))
}

/// The URL path of the mute of a member.
pub fn mute_path(room_id: RoomId, user_id: UserId) -> String {
    format!("{}/mutes/{user_id}", room_path(room_id))
}

/// The URL path of the ownership of a room.
pub fn owner_path(room_id: RoomId) -> String {
    format!("{}/owner", room_path(room_id))
}

/// The role of a member. A higher role comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything in the room. A room has at least one, unless it is the server's own.
    Owner,
    /// Keeps order.
    Moderator,
    /// Takes part.
    Member,
    /// Takes part, but adds nobody.
    Guest,
    /// A role that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Role {
    /// All roles that this version knows, the highest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Moderator, Self::Member, Self::Guest];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Moderator => "moderator",
            Self::Member => "member",
            Self::Guest => "guest",
            Self::Unknown => "unknown",
        }
    }
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The user.
    pub user: User,
    /// The role.
    pub role: Role,
    /// When the user joined.
    pub joined_at: Timestamp,
    /// Until when the user is muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub muted_until: Option<Timestamp>,
}

/// Adds a member or changes the role: the body of `PUT /rooms/{id}/members/{user_id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutMember {
    /// The new role.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::role))]
    pub role: Role,
}

/// Mutes a member: the body of `PUT /rooms/{id}/mutes/{user_id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutMute {
    /// Until when: a time in the future.
    pub until: Timestamp,
}

/// Passes the ownership on: the body of `PUT /rooms/{id}/owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutOwner {
    /// The new owner, who is a member of the room.
    pub user_id: UserId,
}

/// Why a membership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// They left.
    Left,
    /// They were removed.
    Removed,
    /// They were banned.
    Banned,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl LeaveReason {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Banned => "banned",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a room vanished from the sight of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalReason {
    /// The user left it.
    Left,
    /// The user was removed from it.
    Removed,
    /// The user was banned from it.
    Banned,
    /// It became private, and the user is no member.
    MadePrivate,
    /// It was deleted.
    Deleted,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl From<LeaveReason> for RemovalReason {
    fn from(reason: LeaveReason) -> Self {
        match reason {
            LeaveReason::Left => Self::Left,
            LeaveReason::Removed => Self::Removed,
            LeaveReason::Banned => Self::Banned,
            LeaveReason::Unknown => Self::Unknown,
        }
    }
}

/// A membership that changed, in the answer of `GET changes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum MembershipChange {
    /// The user is a member.
    Member {
        /// The current member.
        #[serde(flatten)]
        member: Member,
        /// The number of the latest change.
        rev: Rev,
    },
    /// The user is no member any more.
    Left {
        /// The user.
        user_id: UserId,
        /// Always true.
        left: bool,
        /// Why.
        reason: LeaveReason,
        /// The number of the change.
        rev: Rev,
    },
}

impl MembershipChange {
    /// The number of the change.
    pub fn rev(&self) -> Rev {
        match self {
            Self::Member { rev, .. } | Self::Left { rev, .. } => *rev,
        }
    }
}

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a user may do in a room.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Operation {
            $($(#[$doc])* $variant,)*
            /// An operation that this version does not know.
            #[serde(other)]
            Unknown,
        }

        impl Operation {
            /// All operations that this version knows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown => "unknown",
                }
            }
        }
    };
}

operations! {
    /// Reading the room, its history, its changes and its members; subscribing.
    View = "view",
    /// Joining without an invite.
    Join = "join",
    /// Joining with an invite.
    Redeem = "redeem",
    /// Sending a message. It joins a public room.
    Send = "send",
    /// Uploading a file. It joins a public room.
    Upload = "upload",
    /// Reacting to a message. It joins a public room.
    React = "react",
    /// Being shown as typing.
    Type = "type",
    /// Editing a message of the user.
    EditMessage = "edit_message",
    /// Editing another's message. Nobody may.
    EditAnyMessage = "edit_any_message",
    /// Deleting a message of the user.
    DeleteMessage = "delete_message",
    /// Deleting another's message.
    DeleteAnyMessage = "delete_any_message",
    /// Adding a known user.
    InviteUser = "invite_user",
    /// Making, listing and revoking invites.
    ManageInvites = "manage_invites",
    /// Changing name, topic, avatar, slow mode and posting.
    UpdateRoom = "update_room",
    /// Pinning messages.
    Pin = "pin",
    /// Reading former texts of a message.
    ViewEdits = "view_edits",
    /// Muting, removing, banning and unbanning lower ranks.
    Moderate = "moderate",
    /// Reading the audit log.
    ViewAudit = "view_audit",
    /// Reading the list of bans.
    ViewBans = "view_bans",
    /// Changing the roles of lower ranks.
    SetRole = "set_role",
    /// Making the room public or private.
    SetVisibility = "set_visibility",
    /// Passing the ownership on.
    Transfer = "transfer",
    /// Deleting the room.
    DeleteRoom = "delete_room",
    /// Leaving.
    Leave = "leave",
}

/// What a user is in a room and may do there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Viewer {
    /// The role; null for everybody who is no member.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub role: Option<Role>,
    /// Until when the user is muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub muted_until: Option<Timestamp>,
    /// Whether the user is banned.
    pub banned: bool,
    /// The last message that the user has read; absent for everybody who is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub last_read_seq: Option<Seq>,
    /// How many unread messages mention the user; absent for everybody who is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub mentions: Option<u32>,
    /// The version of the read mark, as in the event `read`; absent for everybody who is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub read_version: Option<i64>,
    /// Which messages notify the user; absent for everybody who is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub notify: Option<Notify>,
    /// What the user may do now.
    pub may: Vec<Operation>,
}

impl Viewer {
    /// Whether the user may do this now.
    pub fn may(&self, operation: Operation) -> bool {
        self.may.contains(&operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_roles_and_operations_are_those_on_the_wire() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        for operation in Operation::ALL {
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
        }
    }

    #[test]
    fn a_higher_role_comes_first() {
        assert!(Role::Owner < Role::Moderator && Role::Member < Role::Guest);
    }
}
