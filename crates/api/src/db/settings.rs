//! The settings that admins change while the server runs.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::Epoch;

use super::DbResult;
use super::schema::server_settings;

/// The stored settings. `None` means what the server's flag says.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = server_settings)]
pub struct StoredSettings {
    /// Who may sign up.
    pub registration: Option<String>,
    /// Who may become a guest.
    pub guests: Option<String>,
    /// When the first admin was decided.
    pub first_admin_at: Option<DateTime<Utc>>,
}

/// Reads the settings.
pub fn get(conn: &mut PgConnection) -> DbResult<StoredSettings> {
    Ok(server_settings::table.find(true).select(StoredSettings::as_select()).first(conn)?)
}

/// The key that signs device cookies.
pub fn device_key(conn: &mut PgConnection) -> DbResult<Vec<u8>> {
    Ok(server_settings::table.find(true).select(server_settings::device_key).first(conn)?)
}

/// Identifies the history of the database.
pub fn epoch(conn: &mut PgConnection) -> DbResult<Epoch> {
    Ok(Epoch(server_settings::table.find(true).select(server_settings::epoch).first(conn)?))
}

/// Claims the place of the first admin. Returns false if it was decided before. It must be called in a transaction,
/// which holds the row until its end.
pub fn claim_first_admin(conn: &mut PgConnection, at: DateTime<Utc>) -> DbResult<bool> {
    let claimed =
        diesel::update(server_settings::table.find(true).filter(server_settings::first_admin_at.is_null()))
            .set(server_settings::first_admin_at.eq(at))
            .execute(conn)?;
    Ok(claimed == 1)
}

/// Changes the settings that are given.
pub fn update(conn: &mut PgConnection, registration: Option<&str>, guests: Option<&str>) -> DbResult<()> {
    if let Some(registration) = registration {
        diesel::update(server_settings::table.find(true))
            .set(server_settings::registration.eq(registration))
            .execute(conn)?;
    }
    if let Some(guests) = guests {
        diesel::update(server_settings::table.find(true))
            .set(server_settings::guests.eq(guests))
            .execute(conn)?;
    }
    Ok(())
}
