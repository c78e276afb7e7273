//! The forms about an account.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::form_field::FormField;
use crate::components::submit_button::SubmitButton;
use crate::reactive::effect;
use crate::state::entry::{Mode, Wish};
use crate::state::form::WHOLE;
use crate::submission::Submission;

/// One or two fields and a button.
#[component]
pub fn AccountForm(
    /// What the ids of its fields begin with.
    id: &'static str,
    /// What it does.
    mode: Mode,
    /// What its fields hold.
    values: [RwSignal<String>; 2],
    /// The state of the form.
    submission: Submission,
    /// Called with what a form that keeps to the rules says.
    on_wish: Callback<Wish>,
    /// The name of the account whose password it is about, for password managers.
    #[prop(optional)]
    username: Option<String>,
    /// Called by the button "Cancel", which exists only with this callback.
    #[prop(optional)]
    on_cancel: Option<Callback<()>>,
) -> impl IntoView {
    let [first, second] = values;
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        match mode.read(&first.get_untracked(), &second.get_untracked()) {
            Ok(wish) => on_wish.run(wish),
            Err(errors) => submission.refuse(errors),
        }
    };
    if mode == Mode::Password {
        effect(move || {
            if submission.done.get() {
                values.iter().for_each(|value| value.set(String::new()));
            }
        });
    }
    let class =
        if matches!(mode, Mode::SignUp | Mode::SignIn | Mode::Reset) { "button primary" } else { "button" };
    let known = username.map(|username| {
        view! { <input class="sr-only" type="text" name="username" autocomplete="username" tabindex="-1" aria-hidden="true" prop:value=username /> }
    });
    let cancel = on_cancel.map(|on_cancel| {
        view! {
            <button type="button" class="button" on:click=move |_| on_cancel.run(())>
                "Cancel"
            </button>
        }
    });
    let fields = mode.fields().iter().zip(values).map(|(field, value)| {
        let id = format!("{id}-{}", field.name);
        view! { <FormField id=id field=field value=value submission=submission /> }
    });
    view! {
        <form class="account-form" novalidate=true on:submit=submit>
            {known}
            {fields.collect_view()}
            <p class="form-error" role="alert">
                {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
            </p>
            <div class="form-actions">
                {cancel}
                <SubmitButton label=mode.action() class=class busy=submission.busy />
                <span class="form-done" role="status">
                    {move || if submission.done.get() { mode.done() } else { "" }}
                </span>
            </div>
        </form>
    }
}
