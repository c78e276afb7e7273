//! Rooms that another process on this database changed, such as the command line. Running servers publish what they
//! lack.

use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz};
use shared::ids::RoomId;
use uuid::Uuid;

use super::schema::room_events;
use super::{DbError, DbResult};

/// The time so many seconds ago, by the database's clock.
macro_rules! ago {
    ($seconds:expr) => {
        sql::<Timestamptz>("now() - make_interval(secs => ").bind::<Integer, _>($seconds).sql(")")
    };
}

/// Stores that a room changed, in the transaction of the change.
pub fn create(conn: &mut PgConnection, room_id: RoomId) -> DbResult<()> {
    diesel::insert_into(room_events::table).values(room_events::room_id.eq(room_id.0)).execute(conn)?;
    Ok(())
}

/// The events of the last seconds, by the database's clock, oldest first, with their ids.
pub fn list(conn: &mut PgConnection, seconds: i32) -> DbResult<Vec<(Uuid, RoomId)>> {
    let rows: Vec<(Uuid, Uuid)> = room_events::table
        .filter(room_events::at.gt(ago!(seconds)))
        .order(room_events::at)
        .select((room_events::id, room_events::room_id))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, room)| (id, RoomId(room))).collect())
}

/// Deletes the events that are older than so many seconds.
pub fn delete_old(conn: &mut PgConnection, seconds: i32) -> DbResult<usize> {
    diesel::delete(room_events::table.filter(room_events::at.lt(ago!(seconds))))
        .execute(conn)
        .map_err(DbError::from)
}
