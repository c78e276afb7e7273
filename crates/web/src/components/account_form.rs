//! The forms about an account.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::boxed::effect;
use crate::components::form_field::FormField;
use crate::components::submit_button::SubmitButton;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::state::form_errors::WHOLE;
use crate::submission::Submission;

/// A form with one or two fields and a submit button.
#[component]
pub fn AccountForm(
    /// What the ids of its fields begin with.
    id: &'static str,
    /// What it does.
    kind: FormKind,
    /// What its fields hold.
    values: [RwSignal<String>; 2],
    /// The state of the form.
    submission: Submission,
    /// Called with the input when it is valid.
    on_action: Callback<AccountAction>,
    /// The account's name, for password managers.
    #[prop(optional)]
    username: Option<String>,
    /// Called to cancel. Without it there is no "Cancel" button.
    #[prop(optional)]
    on_cancel: Option<Callback<()>>,
) -> impl IntoView {
    let [first, second] = values;
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        match kind.read(&first.get_untracked(), &second.get_untracked()) {
            Ok(action) => on_action.run(action),
            Err(errors) => submission.refuse(errors),
        }
    };
    if kind == FormKind::Password {
        effect(move || {
            if submission.done.get() {
                values.iter().for_each(|value| value.set(String::new()));
            }
        });
    }
    let class = if matches!(kind, FormKind::SignUp | FormKind::SignIn | FormKind::Reset) {
        "button primary"
    } else {
        "button"
    };
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
    let fields = kind.fields().iter().zip(values).map(|(field, value)| {
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
                <SubmitButton label=kind.action() class=class busy=submission.busy />
                <span class="form-done" role="status">
                    {move || if submission.done.get() { kind.done() } else { "" }}
                </span>
            </div>
        </form>
    }
}
