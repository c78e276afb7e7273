//! Starts and ends the session. The session itself is a cookie that only the browser and the server see.

use leptos::prelude::*;
use shared::users::Username;

use crate::browser::{self, keys};
use crate::client::{self, ClientError};
use crate::live::Live;
use crate::state::{Identity, State};

/// Signs in as a guest. The socket reconnects, so that the server knows it by the new session.
pub async fn become_guest(state: State, live: Live, name: Username) -> Result<(), ClientError> {
    let user = client::users::create_guest(name).await?;
    browser::save(keys::NAME, user.username.as_str());
    state.identity.set(Identity::User(user));
    live.renew();
    Ok(())
}

/// Signs out. A session that the server does not know any more counts as signed out.
pub async fn sign_out(state: State, live: Live) -> Result<(), ClientError> {
    match client::users::delete_session().await {
        Err(error) if !error.is_signed_out() => return Err(error),
        _ => {}
    }
    browser::save(keys::NAME, "");
    state.identity.set(Identity::Anonymous);
    live.renew();
    Ok(())
}
