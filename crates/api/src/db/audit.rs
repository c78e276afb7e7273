//! The server's audit log: what admins did.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;
use uuid::Uuid;

use super::DbResult;
use super::schema::server_audit;

/// Stores what an admin did, or the command line if there is no `actor`.
pub fn create(
    conn: &mut PgConnection,
    actor: Option<UserId>,
    action: &str,
    target: Option<UserId>,
    at: DateTime<Utc>,
) -> DbResult<()> {
    diesel::insert_into(server_audit::table)
        .values((
            server_audit::id.eq(Uuid::now_v7()),
            server_audit::at.eq(at),
            server_audit::actor_id.eq(actor.map(|id| id.0)),
            server_audit::action.eq(action),
            server_audit::target_id.eq(target.map(|id| id.0)),
        ))
        .execute(conn)?;
    Ok(())
}
