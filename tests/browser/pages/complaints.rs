//! What the browser complains about, and which complaints belong to a journey.

use shared::invites::{INVITE_PREVIEW_PATH, INVITE_REDEMPTION_PATH};
use shared::sessions::SESSIONS_PATH;
use shared::users::{DELETION_PATH, PASSWORD_PATH, PASSWORD_RESETS_PATH, USERS_PATH};

/// Refusals that journeys about accounts and invites provoke: the path and the status.
const ACCOUNT_REFUSALS: [(&str, u16); 7] = [
    (USERS_PATH, 422),             // a common password, a wrong setup secret
    (SESSIONS_PATH, 403),          // a disabled account
    (PASSWORD_PATH, 403),          // a wrong current password
    (PASSWORD_RESETS_PATH, 410),   // a used link
    (DELETION_PATH, 403),          // a wrong password
    (INVITE_PREVIEW_PATH, 410),    // a used invite
    (INVITE_REDEMPTION_PATH, 403), // a banned user
];

/// The complaints that no journey expects. Where the network was `cut`, lost requests are expected.
pub fn unexpected(complaints: Vec<String>, cut: bool) -> Vec<String> {
    let is_expected = |complaint: &String| {
        let says = |status: u16| complaint.contains(&format!("status of {status}"));
        let is_about = |path: &str| complaint.contains(&format!("{path} - "));
        let refused = [401, 404, 409].into_iter().any(says)
            || ACCOUNT_REFUSALS.iter().any(|(path, status)| is_about(path) && says(*status));
        // Changing the user drops a connection that is still being opened.
        let is_dropped = complaint.contains("closed before the connection is established");
        let loss = ["net::ERR_", "Failed to fetch", "WebSocket connection to"];
        let lost =
            loss.iter().any(|known| complaint.contains(known)) || [422, 429, 503].into_iter().any(says);
        refused || is_dropped || cut && lost
    };
    complaints.into_iter().filter(|complaint| !is_expected(complaint)).collect()
}
