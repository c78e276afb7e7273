//! The connection's banner.

use leptos::prelude::*;

use crate::components::connection_banner::ConnectionBanner;
use crate::live::Live;
use crate::state::State;

/// The banner, connected to the state of the connection.
#[component]
pub fn AppBanner() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let banner = Signal::derive(move || {
        let now = live.now.get();
        state.connection.with(|connection| connection.banner(now))
    });
    let on_reload = Callback::new(|()| {
        // Only refused while the page is being unloaded.
        let _ = window().location().reload();
    });
    view! {
        <ConnectionBanner
            banner=banner
            on_try_now=Callback::new(move |()| live.try_now())
            on_reload=on_reload
        />
    }
}
