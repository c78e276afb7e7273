//! The sidebar of the shell.

use leptos::prelude::*;

use crate::boxed::memo;
use crate::components::room_link::RoomSign;
use crate::components::room_sign::RoomFace;
use crate::components::sidebar::Sidebar;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::state::State;
use crate::state::account_forms::FormKind;

/// The sidebar, connected to the state and to the server.
#[component]
pub fn AppSidebar() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let loading = RwSignal::new(false);
    let on_more = Callback::new(move |()| {
        if !loading.get_untracked() {
            loading.set(true);
            live.load_more_rooms(move || loading.set(false));
        }
    });
    let on_create = Callback::new(move |()| {
        overlays.menu.set(false);
        overlays.with_name(state, move || overlays.create_room.set(true));
    });
    let sign = move |room_id| RoomSign {
        name: state.room(room_id, |room| room.name.as_str().to_owned()).unwrap_or_default(),
        face: state.room(room_id, |room| RoomFace::from(room)).unwrap_or_default(),
        unread: state.unread_in(room_id),
        mentions: state.mentions_in(room_id),
    };
    let current = memo(move || navigation.route().room());
    view! {
        <Sidebar
            rooms=state.rooms
            order=memo(move || state.my_rooms(current.get()))
            sign=Callback::new(sign)
            current=current
            identity=state.identity
            loading=loading
            open=overlays.menu
            on_create=on_create
            on_find=Callback::new(move |()| overlays.switcher.set(true))
            on_more=on_more
            on_browse=Callback::new(move |()| overlays.browse.set(true))
            on_sign_in=Callback::new(move |()| overlays.open_account(FormKind::SignIn))
            on_settings=Callback::new(move |()| overlays.settings.set(true))
        />
    }
}
