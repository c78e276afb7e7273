//! `parlance admin`: accounts and rooms from the command line, directly on the database. Running servers follow within 2 s.

use shared::errors::ErrorCode;
use shared::ids::RoomId;
use shared::rooms::Room;
use shared::users::{UserKind, Username};
use thiserror::Error;

use crate::accounts::{AccountError, admin, passwords};
use crate::config::{AdminCommand, Config};
use crate::db::users::{self, Account, Listed};
use crate::db::{self, Conn, DbError};
use crate::postgres::{Cluster, ClusterError};
use crate::rooms::error::{Refusal, RoomError, RoomResult};
use crate::rooms::{Attempt, Done, succession};

/// How many accounts one query reads.
const PAGE: u32 = 100;

/// Why a command failed, in a sentence.
#[derive(Debug, Error)]
pub enum CommandError {
    /// There is no private Postgres, or it does not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database cannot be reached, or was never set up.
    #[error("Cannot use the database: {0}. If it is new, start the server once.")]
    Database(DbError),
    /// There is no such account.
    #[error(
        "There is no account called {0:?}. Guests have no account; `parlance admin users` lists all accounts."
    )]
    NoAccount(String),
    /// There is no such room.
    #[error(
        "There is no public room {0:?}. A private room is named by its id; `parlance admin rooms` lists the ids."
    )]
    NoRoom(String),
    /// The account is disabled.
    #[error("The account is disabled: enable it first.")]
    Disabled,
    /// The account is in too many rooms.
    #[error("The account is in too many rooms: it must leave one first.")]
    TooManyRooms,
    /// The name is not allowed, or it is taken.
    #[error("{0}")]
    Name(String),
    /// No enabled admin would remain.
    #[error("{0} is the last admin: promote another account first.")]
    LastAdmin(String),
}

/// Runs a command. Returns what it prints.
///
/// # Errors
/// [`CommandError`] says what is wrong.
pub fn run(config: &Config, command: &AdminCommand) -> Result<String, CommandError> {
    let (url, cluster) = match config.external_database() {
        Some(url) => (url.to_owned(), None),
        None => Cluster::start_or_find(&config.private_postgres())?,
    };
    let mut conn = db::connect(&url).map_err(CommandError::Database)?;
    let printed = execute(&mut conn, config, command);
    drop(conn);
    if let Some(cluster) = cluster {
        cluster.stop();
    }
    printed
}

fn execute(conn: &mut Conn, config: &Config, command: &AdminCommand) -> Result<String, CommandError> {
    match command {
        AdminCommand::Users => list(conn),
        AdminCommand::Create { name } => create(conn, config, name),
        AdminCommand::Promote { name } => change(conn, name, Some(true), None, "is an admin now"),
        AdminCommand::Demote { name } => change(conn, name, Some(false), None, "is no admin now"),
        AdminCommand::Disable { name } => change(conn, name, None, Some(true), "is locked out now"),
        AdminCommand::Enable { name } => change(conn, name, None, Some(false), "can sign in again"),
        AdminCommand::ResetPassword { name } => {
            let account = find(conn, name)?;
            reset(conn, config, &account)
        }
        AdminCommand::Rooms => rooms(conn),
        AdminCommand::SetOwner { room, name } => {
            let (room_id, room) = find_room(conn, room)?;
            let owner = find(conn, name)?.me.user;
            let attempt = Attempt::first();
            change_room(conn, room_id, |conn| succession::set_owner(conn, room_id, owner.id, attempt))?;
            Ok(format!("{} owns {room} now.", owner.username.as_str()))
        }
        AdminCommand::DeleteRoom { room } => {
            let (room_id, room) = find_room(conn, room)?;
            let attempt = Attempt::first();
            change_room(conn, room_id, |conn| succession::delete(conn, room_id, attempt))?;
            Ok(format!("{room} is deleted."))
        }
    }
}

fn rooms(conn: &mut Conn) -> Result<String, CommandError> {
    let rooms = db::rooms::all(conn).map_err(CommandError::Database)?;
    let line = |(room, owners): (Room, Vec<String>)| {
        let (visibility, owners) = (room.visibility.name(), owners.join(", "));
        format!("{}\t{}\t{visibility}\t{}\t{owners}", room.id, room.name.as_str(), room.member_count)
    };
    Ok(rooms.into_iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// A room by its id, or a public one by its name. Returns its name, too.
fn find_room(conn: &mut Conn, room: &str) -> Result<(RoomId, String), CommandError> {
    let found = match room.parse() {
        Ok(id) => db::rooms::get(conn, id),
        Err(_) => db::rooms::find(conn, room.trim()),
    };
    match found {
        Ok(found) => {
            let found = Room::from(found);
            Ok((found.id, found.name.as_str().to_owned()))
        }
        Err(DbError::NotFound) => Err(CommandError::NoRoom(room.to_owned())),
        Err(error) => Err(CommandError::Database(error)),
    }
}

/// Changes a room, and tells running servers.
fn change_room(
    conn: &mut Conn,
    room_id: RoomId,
    work: impl FnOnce(&mut Conn) -> RoomResult<Done<()>>,
) -> Result<(), CommandError> {
    let changed = db::transaction(conn, |conn| {
        work(conn)?;
        Ok::<_, RoomError>(db::room_events::create(conn, room_id)?)
    });
    changed.map_err(|error| match error {
        RoomError::Refused(Refusal { code: ErrorCode::AccountDisabled, .. }) => CommandError::Disabled,
        RoomError::Refused(Refusal { code: ErrorCode::RateLimited, .. }) => CommandError::TooManyRooms,
        RoomError::Refused(_) => CommandError::NoRoom(room_id.to_string()),
        RoomError::Db(error) => CommandError::Database(error),
    })
}

fn list(conn: &mut Conn) -> Result<String, CommandError> {
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let page = users::list(conn, Listed::Members, "", after, PAGE).map_err(CommandError::Database)?;
        for Account { me, disabled_at, .. } in page.items {
            let marks = [(me.is_admin, "admin"), (disabled_at.is_some(), "disabled")];
            let marks: Vec<&str> = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
            lines.push(format!("{}\t{}\t{}", me.user.id, me.user.username.as_str(), marks.join(",")));
        }
        // The server's own cursors are valid.
        after = page.next_cursor.and_then(|cursor| users::UserKey::parse(&cursor.0).ok());
        if after.is_none() {
            return Ok(lines.join("\n"));
        }
    }
}

fn create(conn: &mut Conn, config: &Config, name: &str) -> Result<String, CommandError> {
    let username = Username::parse_account(name).map_err(|invalid| CommandError::Name(invalid.detail))?;
    let created = db::transaction(conn, |conn| admin::create(conn, username));
    let user = created.map_err(|error| explain(error, name))?;
    let account = users::get(conn, user.id).map_err(CommandError::Database)?;
    reset(conn, config, &account)
}

fn reset(conn: &mut Conn, config: &Config, account: &Account) -> Result<String, CommandError> {
    let user = &account.me.user;
    let made = db::transaction(conn, |conn| passwords::create_reset(conn, None, user.id));
    let (secret, _) = made.map_err(|error| explain(error, user.username.as_str()))?;
    let url = config.public_url(config.address());
    let name = user.username.as_str();
    Ok(format!("{name} sets a password at {url}/reset#{secret} within 24 hours."))
}

fn change(
    conn: &mut Conn,
    name: &str,
    is_admin: Option<bool>,
    is_disabled: Option<bool>,
    what: &str,
) -> Result<String, CommandError> {
    let id = find(conn, name)?.me.user.id;
    let changed = db::transaction(conn, |conn| admin::administer(conn, None, id, is_admin, is_disabled));
    let (account, _) = changed.map_err(|error| explain(error, name))?;
    Ok(format!("{} {what}.", account.me.user.username.as_str()))
}

fn find(conn: &mut Conn, name: &str) -> Result<Account, CommandError> {
    match users::find(conn, name.trim()) {
        Ok(account) if account.me.user.kind == UserKind::Member => Ok(account),
        Ok(_) | Err(DbError::NotFound) => Err(CommandError::NoAccount(name.to_owned())),
        Err(error) => Err(CommandError::Database(error)),
    }
}

fn explain(error: AccountError, name: &str) -> CommandError {
    match error {
        AccountError::LastAdmin => CommandError::LastAdmin(name.to_owned()),
        AccountError::Db(DbError::Conflict(_)) => {
            CommandError::Name(format!("The name {name:?} is taken, reserved, or looks like one that is."))
        }
        AccountError::Db(error) => CommandError::Database(error),
        _ => CommandError::NoAccount(name.to_owned()),
    }
}
