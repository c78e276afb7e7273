//! Where the user is signed in.

use leptos::prelude::*;
use shared::ids::SessionId;
use shared::sessions::Session;

use crate::browser;
use crate::client::{self, ClientError};
use crate::components::session_list::SessionList;
use crate::submission::Submission;

/// The sessions, which the user can end.
#[component]
pub fn SessionSettings() -> impl IntoView {
    let sessions = RwSignal::new(None);
    let submission = Submission::default();
    submission.send(Box::pin(load(sessions)));
    let on_end = Callback::new(move |id| submission.send(Box::pin(end(id, sessions))));
    view! { <SessionList sessions=sessions submission=submission on_end=on_end /> }
}

async fn load(sessions: RwSignal<Option<Vec<Session>>>) -> Result<(), ClientError> {
    sessions.try_set(Some(client::sessions::list().await?));
    Ok(())
}

/// Ends a session, or all others.
async fn end(id: Option<SessionId>, sessions: RwSignal<Option<Vec<Session>>>) -> Result<(), ClientError> {
    let outcome = match id {
        Some(id) => client::sessions::delete(id).await,
        None => client::sessions::delete_others().await,
    };
    match outcome {
        // The session is gone already, which is fine.
        Err(error) if !error.is_missing() => return Err(error),
        _ => {}
    }
    load(sessions).await?;
    // The pressed button is gone, or is now that of another session.
    request_animation_frame(|| browser::focus("#sessions"));
    Ok(())
}
