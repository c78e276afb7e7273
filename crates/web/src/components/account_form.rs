//! The forms about an account.

use leptos::prelude::*;

use crate::boxed::effect;
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
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
    let submit = move |()| match kind.read(&first.get_untracked(), &second.get_untracked()) {
        Ok(action) => on_action.run(action),
        Err(errors) => submission.refuse(errors),
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
    let fields = kind.fields().iter().zip(values).map(|(field, value)| {
        let id = format!("{id}-{}", field.name);
        view! { <FormField id=id field=field value=value submission=submission /> }
    });
    let fields = fields.collect_view();
    view! {
        <FormFrame
            action=kind.action()
            done=kind.done()
            class=class
            submission=submission
            on_submit=Callback::new(submit)
            on_cancel=on_cancel
        >
            {known}
            {fields}
        </FormFrame>
    }
}
