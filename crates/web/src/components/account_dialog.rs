//! The dialog to sign up or in.

use leptos::prelude::*;
use shared::users::UserKind;

use crate::browser::{self, keys};
use crate::components::account_form::AccountForm;
use crate::components::modal::Modal;
use crate::components::segmented_control::SegmentedControl;
use crate::state::Identity;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::submission::Submission;

/// Signs up or signs in.
#[component]
pub fn AccountDialog(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
    /// Whether it starts with signing in.
    signs_in: RwSignal<bool>,
    /// The user.
    identity: RwSignal<Identity>,
    /// Whether people may create an account without an invite.
    may_sign_up: RwSignal<bool>,
    /// The state of the form.
    submission: Submission,
    /// Called with the input when it is valid.
    on_action: Callback<AccountAction>,
) -> impl IntoView {
    view! {
        <Modal open=open label="Your account" class="narrow">
            <AccountChoice open=open signs_in=signs_in identity=identity may_sign_up=may_sign_up submission=submission on_action=on_action />
        </Modal>
    }
}

#[component]
fn AccountChoice(
    open: RwSignal<bool>,
    signs_in: RwSignal<bool>,
    identity: RwSignal<Identity>,
    may_sign_up: RwSignal<bool>,
    submission: Submission,
    on_action: Callback<AccountAction>,
) -> impl IntoView {
    submission.reset();
    let guest = identity.with_untracked(|identity| {
        let guest = identity.user().filter(|user| user.kind == UserKind::Guest);
        guest.map(|user| user.username.as_str().to_owned())
    });
    let is_guest = guest.is_some();
    let present = guest.unwrap_or_else(browser::guest_name);
    // Signing in starts with the name of the account last used in this browser.
    let known = browser::load(keys::NAME).filter(|_| present.is_empty());
    let name = RwSignal::new(known.unwrap_or_default());
    let password = RwSignal::new(String::new());
    let chosen = RwSignal::new(u32::from(signs_in.get_untracked()));
    request_animation_frame(|| browser::focus("#account-username"));
    let on_cancel = Callback::new(move |()| open.set(false));
    let draw = move || {
        let may_sign_up = may_sign_up.get();
        let kind = if may_sign_up && chosen.get() == 0 { FormKind::SignUp } else { FormKind::SignIn };
        submission.reset();
        if kind == FormKind::SignUp && name.with_untracked(String::is_empty) {
            name.set(present.clone());
        }
        let (title, sentence) = match (kind, is_guest) {
            (FormKind::SignUp, true) => {
                ("Create your account", "You keep your messages, and can sign in on any device.")
            }
            (FormKind::SignUp, false) => {
                ("Create your account", "Keep your name, and sign in on any device.")
            }
            (_, _) if !may_sign_up => ("Sign in", "To create an account on this server, you need an invite."),
            (_, true) => ("Sign in", "Messages you sent as a guest will not move to this account."),
            (_, false) => ("Sign in", "Welcome back."),
        };
        view! {
            <h2>{title}</h2>
            <p>{sentence}</p>
            <AccountForm
                id="account"
                kind=kind
                values=[name, password]
                submission=submission
                on_action=on_action
                on_cancel=on_cancel
            />
        }
        .into_any()
    };
    view! {
        <Show when=move || may_sign_up.get()>
            <SegmentedControl
                label="Sign up or sign in"
                choices=vec![(0, "Create account"), (1, "Sign in")]
                chosen=chosen
            />
        </Show>
        {move || draw()}
    }
}
