//! The messages of the room's page, and the words in their place while there are none.

use std::sync::Arc;

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::messages::Message;

use crate::boxed::memo;
use crate::browser;
use crate::components::message_list::MessageList;
use crate::components::message_list::edges::ListEdges;
use crate::components::message_list::row_table::RowTable;
use crate::components::message_list::target::ScrollTarget;
use crate::components::placeholder::Placeholder;
use crate::components::skeleton::Skeleton;
use crate::pages::room_page::context::RoomContext;
use crate::state::rows::rows;

/// The list of messages, connected to the state and to the server.
#[component]
pub fn RoomMessages(
    /// The message that the URL points at.
    pointed: Memo<Option<MessageId>>,
) -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let RoomContext { state, live, room_id, loading, new_after, .. } = room;
    room.follow_reading();
    let table = memo(move || {
        let new_after = new_after.get();
        let unsent = state.unsent(room_id);
        let me = room.me();
        let rows = state.timeline(room_id, |timeline| {
            let timeline = timeline?;
            let beside = |message: &Message| state.beside(timeline, message, me);
            Some(rows(timeline.messages(), &unsent, new_after, browser::local_day, beside))
        });
        Arc::new(RowTable::new(rows.unwrap_or_default()))
    });
    let edges = memo(move || {
        let loading = loading.get();
        state.timeline(room_id, |timeline| match timeline {
            Some(timeline) => ListEdges {
                loaded: timeline.is_loaded(),
                older: timeline.older().is_some(),
                newer: timeline.newer().is_some(),
                loading,
            },
            None => ListEdges { loading, ..ListEdges::default() },
        })
    });
    let unread = Signal::derive(move || state.unread_in(room_id));
    view! {
        <MessageList
            room_name=room.room_name()
            table=table
            edges=edges
            unread=unread
            target=room.target
            today=live.today
            at_end=room.at_end
            pointed=pointed
            actions=room.actions()
            on_older=Callback::new(move |()| room.load_older())
            on_newer=Callback::new(move |()| room.load_newer())
            on_latest=Callback::new(move |()| room.show_latest())
        />
        <EmptyNote table=table edges=edges on_retry=Callback::new(move |()| room.load(ScrollTarget::opening(pointed.get_untracked()))) />
    }
}

/// What the place of the messages shows.
#[derive(Clone, PartialEq, Eq)]
enum Note {
    Failed(String),
    Loading,
    NoMessages,
    None,
}

#[component]
fn EmptyNote(table: Memo<Arc<RowTable>>, edges: Memo<ListEdges>, on_retry: Callback<()>) -> impl IntoView {
    let failure = expect_context::<RoomContext>().failure;
    let note = memo(move || {
        let is_empty = table.with(|table| table.is_empty());
        match (failure.get(), is_empty, edges.get().loaded) {
            (_, false, _) => Note::None,
            (Some(failure), true, _) => Note::Failed(failure),
            (None, true, false) => Note::Loading,
            (None, true, true) => Note::NoMessages,
        }
    });
    let draw = move || match note.get() {
        Note::Failed(failure) => view! {
            <Placeholder title="The messages could not be loaded" text=failure>
                <button type="button" class="button primary" on:click=move |_| on_retry.run(())>
                    "Try again"
                </button>
            </Placeholder>
        }
        .into_any(),
        Note::Loading => view! { <Skeleton class="skeleton-rows" bars=5 /> }.into_any(),
        Note::NoMessages => view! {
            <Placeholder
                title="It is quiet in here"
                text="Be the first to say something."
            />
        }
        .into_any(),
        Note::None => ().into_any(),
    };
    view! { {move || draw()} }
}
