//! The dialog that lists all public rooms.

use leptos::prelude::*;
use shared::rooms::{Room, Topic, Visibility};

use crate::boxed::effect;
use crate::browser;
use crate::client;
use crate::components::modal::Modal;
use crate::components::row_list::{ListRow, RowList};
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::state::State;
use crate::state::form_errors::WHOLE;
use crate::submission::Submission;

/// Finds public rooms, to read or to join.
#[component]
pub fn BrowseDialog() -> impl IntoView {
    let open = expect_context::<Overlays>().browse;
    let live = expect_context::<Live>();
    effect(move || {
        if open.get() {
            live.load_all_rooms();
        }
    });
    view! {
        <Modal open=open label="Browse rooms" class="narrow browse">
            <Browse />
        </Modal>
    }
}

#[component]
fn Browse() -> impl IntoView {
    let state = expect_context::<State>();
    let navigation = expect_context::<Navigation>();
    let open = expect_context::<Overlays>().browse;
    let query = RwSignal::new(String::new());
    let submission = Submission::default();
    let go = move |room: &Room| {
        open.set(false);
        navigation.go(Route::Room(room.id));
    };
    let row = move |room: &Room| {
        let topic = room.topic.as_ref().map_or(String::new(), |topic| format!("{} · ", topic.as_str()));
        let members = if room.member_count == 1 { "member" } else { "members" };
        let note = format!("{topic}{} {members} · {} online", room.member_count, room.online);
        let line = ListRow {
            picture: Some(room.into()),
            title: room.name.as_str().to_owned(),
            note,
            ..ListRow::default()
        };
        let viewer = room.viewer.clone();
        let room = room.clone();
        let may_join = state.me().is_some()
            && viewer
                .is_some_and(|viewer| viewer.role.is_none() && viewer.may(shared::members::Operation::Join));
        if !may_join {
            return line.with("Open", move || go(&room));
        }
        line.with("Join", move || {
            let room = room.clone();
            submission.send(Box::pin(async move {
                client::members::join(room.id).await?;
                // The dialog may have been closed meanwhile.
                if open.get_untracked() {
                    go(&room);
                }
                Ok(())
            }));
        })
    };
    let rows = Signal::derive(move || {
        let query = browser::lower_case(query.get().trim());
        let is_found = |room: &&Room| {
            let topic = room.topic.as_ref().map_or("", Topic::as_str);
            room.visibility == Visibility::Public
                && (browser::lower_case(room.name.as_str()).contains(&query)
                    || browser::lower_case(topic).contains(&query))
        };
        state.rooms.with(|rooms| Some(rooms.all().iter().filter(is_found).map(row).collect::<Vec<_>>()))
    });
    view! {
        <h2>"Browse rooms"</h2>
        <input
            class="input"
            type="search"
            aria-label="Search rooms"
            placeholder="Search by name or topic"
            autocomplete="off"
            autofocus=true
            bind:value=query
        />
        <RowList label="Public rooms" empty="No public room matches." rows=rows />
        <p class="form-error" role="alert">
            {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
        </p>
        <div class="dialog-actions">
            <button type="button" class="button" on:click=move |_| open.set(false)>
                "Close"
            </button>
        </div>
    }
}
