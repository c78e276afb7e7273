//! The dialog to sign up or in.

use leptos::prelude::*;
use shared::users::UserKind;

use crate::browser::{self, keys};
use crate::components::account_form::AccountForm;
use crate::components::modal::Modal;
use crate::components::segments::Segments;
use crate::state::Identity;
use crate::state::entry::{Mode, Wish};
use crate::submission::Submission;

/// Creates an account or opens a session of one.
#[component]
pub fn AccountDialog(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
    /// Whether it signs in when it opens.
    signs_in: RwSignal<bool>,
    /// The user.
    identity: RwSignal<Identity>,
    /// The state of the form.
    submission: Submission,
    /// Called with a form that keeps to the rules.
    on_wish: Callback<Wish>,
) -> impl IntoView {
    view! {
        <Modal open=open label="Your account" class="narrow">
            <AccountChoice open=open signs_in=signs_in identity=identity submission=submission on_wish=on_wish />
        </Modal>
    }
}

#[component]
fn AccountChoice(
    open: RwSignal<bool>,
    signs_in: RwSignal<bool>,
    identity: RwSignal<Identity>,
    submission: Submission,
    on_wish: Callback<Wish>,
) -> impl IntoView {
    submission.reset();
    let guest = identity.with_untracked(|identity| {
        let guest = identity.user().filter(|user| user.kind == UserKind::Guest);
        guest.map(|user| user.username.as_str().to_owned())
    });
    let is_guest = guest.is_some();
    let present = guest.unwrap_or_else(browser::guest_name);
    // The name of an account that was used here is there to sign in with.
    let known = browser::load(keys::NAME).filter(|_| present.is_empty());
    let name = RwSignal::new(known.unwrap_or_default());
    let password = RwSignal::new(String::new());
    let chosen = RwSignal::new(u32::from(signs_in.get_untracked()));
    request_animation_frame(|| browser::focus("#account-username"));
    let on_cancel = Callback::new(move |()| open.set(false));
    let draw = move || {
        let mode = if chosen.get() == 0 { Mode::SignUp } else { Mode::SignIn };
        submission.reset();
        if mode == Mode::SignUp && name.with_untracked(String::is_empty) {
            name.set(present.clone());
        }
        let (title, sentence) = match (mode, is_guest) {
            (Mode::SignUp, true) => {
                ("Create your account", "You keep your messages, and can sign in on any device.")
            }
            (Mode::SignUp, false) => {
                ("Create your account", "It keeps your name, and you can sign in on any device.")
            }
            (_, true) => ("Sign in", "Your present name and its messages stay behind."),
            (_, false) => ("Sign in", "Welcome back."),
        };
        view! {
            <h2>{title}</h2>
            <p>{sentence}</p>
            <AccountForm
                id="account"
                mode=mode
                values=[name, password]
                submission=submission
                on_wish=on_wish
                on_cancel=on_cancel
            />
        }
        .into_any()
    };
    view! {
        <Segments label="What to do" choices=&["Create account", "Sign in"] chosen=chosen />
        {move || draw()}
    }
}
