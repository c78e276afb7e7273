//! Delays an action until typing pauses.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

/// A pause this long ends a burst of typing. Input is validated then, not at each key.
const TYPING_PAUSE: Duration = Duration::from_millis(750);

/// A delayed action. It is canceled when the component that created it is removed.
#[derive(Clone, Copy)]
pub struct Debounce(StoredValue<Option<TimeoutHandle>>);

impl Debounce {
    /// Creates a debounce without a pending action.
    pub fn idle() -> Self {
        let debounce = Self(StoredValue::new(None));
        on_cleanup(move || debounce.cancel());
        debounce
    }

    /// Runs the action after a pause. Replaces the pending action.
    pub fn start(self, action: impl FnOnce() + 'static) {
        self.cancel();
        self.0.set_value(set_timeout_with_handle(action, TYPING_PAUSE).ok());
    }

    /// Drops the pending action.
    pub fn cancel(self) {
        if let Some(timer) = self.0.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }
}
