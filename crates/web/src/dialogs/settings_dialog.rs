//! The settings: the user's account, how the client looks and how it is connected.

mod appearance;
mod connection;
mod context;
mod deletion;
mod notices;
mod password;
mod profile;
mod sessions;
mod tokens;

use leptos::prelude::*;
use shared::users::UserKind;

use crate::boxed::{effect, memo};
use crate::dialogs::section_dialog::{Section, SectionDialog};
use crate::dialogs::settings_dialog::context::Settings;
use crate::dialogs::unsaved::Unsaved;
use crate::overlays::Overlays;
use crate::state::State;

const PROFILE: Section = (0, "Profile");
const PASSWORD: Section = (1, "Password");
const SESSIONS: Section = (2, "Sessions");
const TOKENS: Section = (3, "Tokens");
const APPEARANCE: Section = (4, "Appearance");
const CONNECTION: Section = (5, "Connection");
const NOTICES: Section = (7, "Notifications");
const DELETION: Section = (6, "Delete account");

/// The dialog with all settings.
#[component]
pub fn SettingsDialog() -> impl IntoView {
    let state = expect_context::<State>();
    let overlays = expect_context::<Overlays>();
    let unsaved = Unsaved::new(overlays.question);
    let settings = Settings { state, live: expect_context(), overlays, unsaved };
    let who = memo(move || state.identity.with(|identity| identity.user().map(|user| (user.id, user.kind))));
    let items = memo(move || match who.get() {
        Some((_, UserKind::Guest)) => vec![PROFILE, APPEARANCE, NOTICES, CONNECTION, DELETION],
        Some(_) => vec![PROFILE, PASSWORD, SESSIONS, TOKENS, APPEARANCE, NOTICES, CONNECTION, DELETION],
        None => vec![PROFILE, APPEARANCE, CONNECTION],
    });
    // Nobody sees the settings of somebody else.
    Effect::new(move |before: Option<Option<_>>| {
        let who = who.get();
        if before.is_some_and(|before| before != who) && overlays.settings.get_untracked() {
            overlays.settings.set(false);
        }
        who
    });
    let is_admin = RwSignal::new(false);
    effect(move || {
        if overlays.settings.get() {
            profile::ask_for_rights(is_admin);
        }
    });
    let draw = move |section| match section {
        1 => view! { <password::PasswordSettings settings=settings /> }.into_any(),
        2 => view! { <sessions::SessionSettings /> }.into_any(),
        3 => view! { <tokens::TokenList unsaved=unsaved /> }.into_any(),
        4 => view! { <appearance::Appearance /> }.into_any(),
        5 => view! { <connection::ConnectionSettings /> }.into_any(),
        7 => view! { <notices::NoticeSettings /> }.into_any(),
        6 => view! { <deletion::DeletionForm settings=settings /> }.into_any(),
        _ => view! { <profile::Profile settings=settings is_admin=is_admin /> }.into_any(),
    };
    view! {
        <SectionDialog
            open=overlays.settings
            label="Settings"
            title=Signal::derive(|| "Settings".to_owned())
            unsaved=unsaved
            items=items
            start=|()| None
            draw=draw
        />
    }
}
