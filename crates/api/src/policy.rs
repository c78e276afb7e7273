//! Permissions: the only place that decides who may change what.

use shared::ids::UserId;
use shared::messages::Message;
use shared::rooms::Room;
use shared::tokens::Scope;

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

/// Only the author may edit a message.
pub fn may_edit_message(user: UserId, message: &Message) -> bool {
    message.author.id == user
}

/// The author and the creator of the room may delete a message.
pub fn may_delete_message(user: UserId, message: &Message, room: &Room) -> bool {
    message.author.id == user || may_change_room(user, room)
}

/// Only the creator may rename or delete a room. Nobody may change a room that the server created.
pub fn may_change_room(user: UserId, room: &Room) -> bool {
    room.created_by == Some(user)
}
