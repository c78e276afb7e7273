//! Desktop notifications in this browser.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser::notices::{self, Permission};
use crate::browser::{self, keys};

/// Whether they are shown, and with a sound. The browser asks the user when they are switched on.
#[component]
pub fn NoticeSettings() -> impl IntoView {
    let permission = RwSignal::new(notices::permission());
    let is_on = RwSignal::new(
        browser::load(keys::NOTIFY).is_some() && permission.get_untracked() == Permission::Granted,
    );
    let switch = move |event| {
        if !event_target_checked(&event) {
            browser::save(keys::NOTIFY, "");
            return is_on.set(false);
        }
        spawn_local(async move {
            let answer = notices::ask().await;
            let is_granted = answer == Permission::Granted;
            browser::save(keys::NOTIFY, if is_granted { "on" } else { "" });
            permission.try_set(answer);
            is_on.try_set(is_granted);
            // The box was checked by the click.
            is_on.try_update(|_| ());
        });
    };
    let note = move || match permission.get() {
        Permission::Denied => {
            "The browser forbids this site to show notifications. Allow them in the settings of the browser, \
            usually behind the sign beside the address, and switch them on here again."
        }
        Permission::Unsupported => "This browser shows no notifications for this address.",
        Permission::Granted | Permission::Undecided => {
            "While a tab with Parlance is open, this browser notifies you of messages in rooms you are not looking at. \
            Choose which ones in each room's settings."
        }
    };
    let has_sound = browser::load(keys::NOTIFY_SOUND).is_some();
    let set_sound = move |event| {
        browser::save(keys::NOTIFY_SOUND, if event_target_checked(&event) { "on" } else { "" });
    };
    view! {
        <fieldset class="setting">
            <legend>"Desktop notifications"</legend>
            <label class="choice">
                <input type="checkbox" prop:checked=move || is_on.get() on:change=switch />
                "Show notifications"
            </label>
            <label class="choice">
                <input type="checkbox" prop:checked=has_sound on:change=set_sound />
                "Play a sound"
            </label>
        </fieldset>
        <p class="form-hint" role="status">{move || note()}</p>
    }
}
