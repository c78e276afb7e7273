//! Keeps what newcomers are offered in line with what the server allows.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::users::UserKind;

use crate::boxed::{effect, memo};
use crate::client;
use crate::overlays::Overlays;
use crate::state::State;

/// Asks who may come while the user has no account, and again when a dialog offers one.
pub fn follow_access(state: State, overlays: Overlays) {
    let kind = memo(move || state.identity.with(|identity| identity.user().map(|user| user.kind)));
    effect(move || {
        let is_offered = [overlays.account, overlays.name].iter().any(|open| open.get());
        let has_no_account = kind.get().is_none_or(|kind| kind == UserKind::Guest);
        if !is_offered && !has_no_account {
            return;
        }
        spawn_local(async move {
            // Without an answer the forms stay, and the server's refusal is told.
            let Ok(access) = client::server::access().await else { return };
            for (known, now) in [
                (state.may_sign_up, access.may_sign_up),
                (state.may_be_guest, access.may_be_guest),
                (state.has_guests, access.has_guests),
            ] {
                if known.get_untracked() != now {
                    known.set(now);
                }
            }
        });
    });
}
