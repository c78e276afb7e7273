//! Permissions: the only place that decides who may do what. Pure: it knows no database and no connection.

use shared::errors::ErrorCode;
use shared::ids::UserId;
use shared::members::{Operation, Role};
use shared::rooms::{Posting, Visibility};
use shared::tokens::Scope;
use shared::users::UserKind;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A client without a session.
    Nobody,
    /// A user with a session.
    User {
        /// What the user is.
        kind: UserKind,
        /// Whether the user administers the server.
        is_admin: bool,
    },
}

/// Who makes a request: their id, and what the policy must know of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user; `None` without a session.
    pub id: Option<UserId>,
    /// What they are.
    pub actor: Actor,
}

impl Principal {
    /// A client without a session.
    pub const NOBODY: Self = Self { id: None, actor: Actor::Nobody };
}

/// What a room is, and what the actor is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who sees the room.
    pub visibility: Visibility,
    /// Whether the room is the server's own.
    pub is_own: bool,
    /// Who may write.
    pub posting: Posting,
    /// The actor's role; `None` if they are no member.
    pub role: Option<Role>,
    /// Whether the actor is banned.
    pub is_banned: bool,
    /// Whether the actor is muted now.
    pub is_muted: bool,
}

/// The answer to "may I?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, for this reason.
    Deny(ErrorCode),
    /// The actor may not know that the room exists: the answer is that of an unknown room.
    Hide,
}

/// The rank of an actor in a room. A higher rank comes first, and ranks act on lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// An admin of the server, in a public room.
    Admin,
    /// A member with this role.
    Role(Role),
    /// No member.
    Out,
}

/// The rank of an actor.
pub fn rank(actor: Actor, standing: &Standing) -> Rank {
    if is_admin_here(actor, standing) { Rank::Admin } else { standing.role.map_or(Rank::Out, Rank::Role) }
}

/// The role that counts: in the server's own rooms its admins are owners.
pub fn role(actor: Actor, standing: &Standing) -> Option<Role> {
    if standing.is_own && is_admin_here(actor, standing) { Some(Role::Owner) } else { standing.role }
}

/// Admins of the server have rights in public rooms only.
fn is_admin_here(actor: Actor, standing: &Standing) -> bool {
    matches!(actor, Actor::User { is_admin: true, .. }) && standing.visibility != Visibility::Private
}

/// Whether an actor may see a room of this visibility, in which they have this role.
pub fn may_view(actor: Actor, visibility: Visibility, role: Option<Role>) -> bool {
    let posting = Posting::All;
    let standing = Standing { visibility, is_own: false, posting, role, is_banned: false, is_muted: false };
    may(actor, Operation::View, &standing) == Decision::Allow
}

/// Whether an actor may do something in a room.
pub fn may(actor: Actor, operation: Operation, standing: &Standing) -> Decision {
    let is_public = standing.visibility != Visibility::Private;
    let Actor::User { kind, .. } = actor else {
        return match operation {
            Operation::View if is_public => Decision::Allow,
            Operation::View => Decision::Hide,
            _ => Decision::Deny(ErrorCode::AuthenticationRequired),
        };
    };
    let is_admin = is_admin_here(actor, standing);
    if standing.is_banned && !is_admin {
        return match operation {
            Operation::View if is_public => Decision::Allow,
            Operation::Leave if is_public => Decision::Deny(ErrorCode::MemberNotFound),
            Operation::Redeem => Decision::Deny(ErrorCode::Banned),
            _ if is_public => Decision::Deny(ErrorCode::Banned),
            _ => Decision::Hide,
        };
    }
    let role = role(actor, standing);
    if !is_public && role.is_none() && operation != Operation::Redeem {
        return Decision::Hide;
    }
    let role = if operation == Operation::Leave { standing.role } else { role };
    let is_guest = !matches!(kind, UserKind::Member | UserKind::Bot);
    if operation == Operation::InviteUser && is_guest {
        return Decision::Deny(ErrorCode::MembersOnly);
    }
    if let Some(code) = missing_right(operation, role, is_admin, is_public) {
        return Decision::Deny(code);
    }
    match operation {
        Operation::Send | Operation::Upload | Operation::React
            if is_guest && standing.posting != Posting::All =>
        {
            Decision::Deny(ErrorCode::MembersOnly)
        }
        Operation::SetVisibility if is_guest => Decision::Deny(ErrorCode::MembersOnly),
        Operation::Send | Operation::Upload | Operation::React | Operation::Type | Operation::EditMessage
            if standing.is_muted && !is_admin =>
        {
            Decision::Deny(ErrorCode::Muted)
        }
        _ => Decision::Allow,
    }
}

/// The code of the refusal if the role lacks the right. The room is visible; a role of `None` is no member.
fn missing_right(
    operation: Operation,
    role: Option<Role>,
    is_admin: bool,
    is_public: bool,
) -> Option<ErrorCode> {
    let is_at_least = |least: Role| role.is_some_and(|role| role <= least);
    let (is_allowed, code) = match operation {
        Operation::View
        | Operation::Join
        | Operation::Redeem
        | Operation::Send
        | Operation::Upload
        | Operation::React
        | Operation::Type
        | Operation::EditMessage
        | Operation::DeleteMessage => (true, ErrorCode::NotAllowed),
        Operation::EditAnyMessage => (false, ErrorCode::NotAuthor),
        Operation::DeleteAnyMessage => (is_admin || is_at_least(Role::Moderator), ErrorCode::NotAuthor),
        Operation::InviteUser => {
            let least = if is_public { Role::Member } else { Role::Moderator };
            (is_at_least(least), ErrorCode::NotAllowed)
        }
        Operation::ManageInvites | Operation::UpdateRoom | Operation::Pin | Operation::SetRole => {
            (is_at_least(Role::Moderator), ErrorCode::NotAllowed)
        }
        // Any member.
        Operation::ViewEdits => (role.is_some(), ErrorCode::NotAllowed),
        Operation::Moderate | Operation::ViewAudit | Operation::ViewBans => {
            (is_admin || is_at_least(Role::Moderator), ErrorCode::NotAllowed)
        }
        Operation::SetVisibility | Operation::Transfer => (is_at_least(Role::Owner), ErrorCode::NotAllowed),
        Operation::DeleteRoom => (is_admin || is_at_least(Role::Owner), ErrorCode::NotAllowed),
        Operation::Leave => (role.is_some(), ErrorCode::MemberNotFound),
        Operation::Unknown => (false, ErrorCode::NotAllowed),
    };
    (!is_allowed).then_some(code)
}

/// What an actor may do in a room now: the list that clients receive. Joining is not offered to members.
pub fn allowed(actor: Actor, standing: &Standing) -> Vec<Operation> {
    let is_offered = |operation: Operation| !(operation == Operation::Join && standing.role.is_some());
    let operations = Operation::ALL.iter().copied();
    operations
        .filter(|operation| is_offered(*operation) && may(actor, *operation, standing) == Decision::Allow)
        .collect()
}

/// Whether `@everyone` of an actor mentions all members of a room.
pub fn may_mention_everyone(actor: Actor, standing: &Standing) -> bool {
    rank(actor, standing) <= Rank::Role(Role::Moderator)
}

/// Whether an actor may create a room of this visibility.
pub fn may_create_room(actor: Actor, visibility: Visibility) -> Decision {
    match actor {
        Actor::Nobody => Decision::Deny(ErrorCode::AuthenticationRequired),
        Actor::User { kind: UserKind::Member | UserKind::Bot, .. } => Decision::Allow,
        Actor::User { .. } if visibility == Visibility::Private => Decision::Deny(ErrorCode::MembersOnly),
        Actor::User { .. } => Decision::Allow,
    }
}

/// Whether a member of this role may give others a role, by adding them or, above members, by changing it.
pub fn may_grant(own: Option<Role>, role: Role) -> bool {
    match own {
        Some(Role::Owner) => role != Role::Unknown,
        Some(Role::Moderator | Role::Member) => matches!(role, Role::Member | Role::Guest),
        _ => false,
    }
}

/// The highest role that an invite by a member of this role may give; `None` if they may make none.
pub fn highest_invited(own: Option<Role>) -> Option<Role> {
    match own {
        Some(Role::Owner) => Some(Role::Moderator),
        Some(Role::Moderator) => Some(Role::Member),
        _ => None,
    }
}

/// What a credential may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// Reading, and listening on a socket.
    pub read: bool,
    /// Changing something.
    pub write: bool,
    /// Administering the server, beside one of the others.
    pub admin: bool,
}

impl Scopes {
    /// The scopes of this list.
    pub fn of(list: &[Scope]) -> Self {
        let has = |scope| list.contains(&scope);
        Self { read: has(Scope::Read), write: has(Scope::Write), admin: has(Scope::Admin) }
    }

    /// Whether a scope is among them.
    pub fn has(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => self.read,
            Scope::Write => self.write,
            Scope::Admin => self.admin,
            Scope::Unknown => false,
        }
    }
}

/// What a request does with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It reads.
    Read,
    /// It changes something.
    Write,
    /// It reads what admins see.
    AdminRead,
    /// It changes something as an admin.
    AdminWrite,
    /// It makes an admin, or a link to a new password. Only a session may.
    Escalation,
    /// It concerns the sessions, tokens or account of the user. Only a session may.
    OwnAccount,
}

/// Why a token may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// A scope is missing, or no scope allows it.
    InsufficientScope,
    /// Only a session may.
    NotAllowed,
}

/// Whether a token with these scopes may be used so. A session may be used for everything.
///
/// # Errors
/// Why not.
pub fn may_use(scopes: Scopes, use_: Use) -> Result<(), TokenRefusal> {
    let is_allowed = match use_ {
        Use::Read => scopes.read,
        Use::Write => scopes.write,
        Use::AdminRead => scopes.admin && scopes.read,
        Use::AdminWrite => scopes.admin && scopes.write,
        Use::Escalation => false,
        Use::OwnAccount => return Err(TokenRefusal::NotAllowed),
    };
    if is_allowed { Ok(()) } else { Err(TokenRefusal::InsufficientScope) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the contract: public / private for nobody, out, guest, member, moderator, owner, admin out.
    /// Y yes, N `not_allowed`, W `not_author`, L `member_not_found`, H hidden, A not signed in.
    const TABLE: &[(Operation, &str)] = &[
        (Operation::View, "Y/H Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::Join, "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::Redeem, "A/A Y/Y Y/Y Y/Y Y/Y Y/Y Y/Y"),
        (Operation::Send, "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::Upload, "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::React, "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::Type, "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::EditMessage, "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::EditAnyMessage, "A/A W/H W/W W/W W/W W/W W/H"),
        (Operation::DeleteMessage, "A/A Y/H Y/Y Y/Y Y/Y Y/Y Y/H"),
        (Operation::DeleteAnyMessage, "A/A W/H W/W W/W Y/Y Y/Y Y/H"),
        (Operation::InviteUser, "A/A N/H N/N Y/N Y/Y Y/Y N/H"),
        (Operation::ManageInvites, "A/A N/H N/N N/N Y/Y Y/Y N/H"),
        (Operation::UpdateRoom, "A/A N/H N/N N/N Y/Y Y/Y N/H"),
        (Operation::Pin, "A/A N/H N/N N/N Y/Y Y/Y N/H"),
        (Operation::ViewEdits, "A/A N/H Y/Y Y/Y Y/Y Y/Y N/H"),
        (Operation::Moderate, "A/A N/H N/N N/N Y/Y Y/Y Y/H"),
        (Operation::ViewAudit, "A/A N/H N/N N/N Y/Y Y/Y Y/H"),
        (Operation::ViewBans, "A/A N/H N/N N/N Y/Y Y/Y Y/H"),
        (Operation::SetRole, "A/A N/H N/N N/N Y/Y Y/Y N/H"),
        (Operation::SetVisibility, "A/A N/H N/N N/N N/N Y/Y N/H"),
        (Operation::Transfer, "A/A N/H N/N N/N N/N Y/Y N/H"),
        (Operation::DeleteRoom, "A/A N/H N/N N/N N/N Y/Y Y/H"),
        (Operation::Leave, "A/A L/H Y/Y Y/Y Y/Y Y/Y L/H"),
    ];

    const MEMBER: Actor = Actor::User { kind: UserKind::Member, is_admin: false };
    const GUEST: Actor = Actor::User { kind: UserKind::Guest, is_admin: false };
    const ADMIN: Actor = Actor::User { kind: UserKind::Member, is_admin: true };

    /// The columns of the table.
    const COLUMNS: [(Actor, Option<Role>); 7] = [
        (Actor::Nobody, None),
        (MEMBER, None),
        (MEMBER, Some(Role::Guest)),
        (MEMBER, Some(Role::Member)),
        (MEMBER, Some(Role::Moderator)),
        (MEMBER, Some(Role::Owner)),
        (ADMIN, None),
    ];

    fn standing(visibility: Visibility, role: Option<Role>) -> Standing {
        let posting = Posting::All;
        Standing { visibility, is_own: false, posting, role, is_banned: false, is_muted: false }
    }

    fn decision(letter: &str) -> Decision {
        match letter {
            "Y" => Decision::Allow,
            "N" => Decision::Deny(ErrorCode::NotAllowed),
            "W" => Decision::Deny(ErrorCode::NotAuthor),
            "L" => Decision::Deny(ErrorCode::MemberNotFound),
            "A" => Decision::Deny(ErrorCode::AuthenticationRequired),
            _ => Decision::Hide,
        }
    }

    fn each_cell(mut check: impl FnMut(Actor, Operation, Standing, Decision)) {
        assert_eq!(TABLE.len(), Operation::ALL.len(), "every operation has a row");
        for (operation, cells) in TABLE {
            for (cell, (actor, role)) in cells.split(' ').zip(COLUMNS) {
                let (public, private) = cell.split_once('/').unwrap();
                for (visibility, letter) in [(Visibility::Public, public), (Visibility::Private, private)] {
                    check(actor, *operation, standing(visibility, role), decision(letter));
                }
            }
        }
    }

    #[test]
    fn every_cell_of_the_table_is_as_the_contract_says() {
        each_cell(|actor, operation, standing, expected| {
            assert_eq!(may(actor, operation, &standing), expected, "{actor:?} {operation:?} {standing:?}");
        });
    }

    #[test]
    fn whoever_is_banned_reads_public_rooms_and_does_nothing_else() {
        each_cell(|actor, operation, standing, unbanned| {
            let standing = Standing { role: None, is_banned: true, ..standing };
            let is_public = standing.visibility == Visibility::Public;
            let expected = match (actor, operation) {
                (Actor::Nobody, _) => return,
                (ADMIN, _) if is_public => unbanned,
                (_, Operation::View) if is_public => Decision::Allow,
                (_, Operation::Leave) if is_public => Decision::Deny(ErrorCode::MemberNotFound),
                (_, Operation::Redeem) => Decision::Deny(ErrorCode::Banned),
                _ if is_public => Decision::Deny(ErrorCode::Banned),
                _ => Decision::Hide,
            };
            assert_eq!(may(actor, operation, &standing), expected, "{actor:?} {operation:?} {standing:?}");
        });
    }

    #[test]
    fn whoever_is_muted_says_nothing_and_keeps_all_other_rights() {
        each_cell(|actor, operation, standing, unmuted| {
            let standing = Standing { is_muted: true, ..standing };
            let is_voice = matches!(
                operation,
                Operation::Send
                    | Operation::Upload
                    | Operation::React
                    | Operation::Type
                    | Operation::EditMessage
            );
            let is_refused = is_voice && unmuted == Decision::Allow && actor != ADMIN;
            let expected = if is_refused { Decision::Deny(ErrorCode::Muted) } else { unmuted };
            assert_eq!(may(actor, operation, &standing), expected, "{actor:?} {operation:?} {standing:?}");
        });
    }

    #[test]
    fn guests_write_only_where_all_may_and_add_nobody() {
        let room = standing(Visibility::Public, Some(Role::Owner));
        let accounts = Standing { posting: Posting::Accounts, ..room };
        for operation in [Operation::Send, Operation::Upload, Operation::React] {
            assert_eq!(may(GUEST, operation, &room), Decision::Allow);
            assert_eq!(may(GUEST, operation, &accounts), Decision::Deny(ErrorCode::MembersOnly));
            assert_eq!(may(MEMBER, operation, &accounts), Decision::Allow);
        }
        assert_eq!(may(GUEST, Operation::Type, &accounts), Decision::Allow);
        for operation in [Operation::InviteUser, Operation::SetVisibility] {
            assert_eq!(may(GUEST, operation, &room), Decision::Deny(ErrorCode::MembersOnly));
        }
        assert_eq!(may_create_room(GUEST, Visibility::Public), Decision::Allow);
        assert_eq!(may_create_room(GUEST, Visibility::Private), Decision::Deny(ErrorCode::MembersOnly));
        assert_eq!(may_create_room(MEMBER, Visibility::Private), Decision::Allow);
    }

    #[test]
    fn admins_are_owners_of_the_servers_own_rooms_and_nothing_in_private_ones() {
        let lobby = Standing { is_own: true, ..standing(Visibility::Public, None) };
        for operation in [Operation::UpdateRoom, Operation::SetRole, Operation::Transfer] {
            assert_eq!(may(ADMIN, operation, &lobby), Decision::Allow);
            assert_eq!(may(MEMBER, operation, &lobby), Decision::Deny(ErrorCode::NotAllowed));
        }
        assert_eq!(may(ADMIN, Operation::Leave, &lobby), Decision::Deny(ErrorCode::MemberNotFound));
        let private = standing(Visibility::Private, Some(Role::Member));
        assert_eq!(rank(ADMIN, &private), Rank::Role(Role::Member));
        assert_eq!(rank(ADMIN, &standing(Visibility::Public, None)), Rank::Admin);
        assert!(Rank::Admin < Rank::Role(Role::Owner) && Rank::Role(Role::Guest) < Rank::Out);
    }

    #[test]
    fn a_role_grants_what_the_contract_says() {
        let granted = |own| Role::ALL.into_iter().filter(|role| may_grant(own, *role)).collect::<Vec<_>>();
        assert_eq!(granted(Some(Role::Owner)), Role::ALL);
        assert_eq!(granted(Some(Role::Moderator)), [Role::Member, Role::Guest]);
        assert_eq!(granted(Some(Role::Member)), [Role::Member, Role::Guest]);
        assert_eq!(granted(Some(Role::Guest)), []);
        assert_eq!(granted(None), []);
        assert_eq!(highest_invited(Some(Role::Owner)), Some(Role::Moderator));
        assert_eq!(highest_invited(Some(Role::Moderator)), Some(Role::Member));
        assert_eq!(highest_invited(Some(Role::Member)), None);
    }

    #[test]
    fn joining_is_not_offered_to_members() {
        let out = allowed(MEMBER, &standing(Visibility::Public, None));
        assert!(out.contains(&Operation::Join) && out.contains(&Operation::Send));
        let member = allowed(MEMBER, &standing(Visibility::Public, Some(Role::Member)));
        assert!(!member.contains(&Operation::Join) && member.contains(&Operation::Leave));
        assert_eq!(allowed(Actor::Nobody, &standing(Visibility::Public, None)), [Operation::View]);
    }
}
