//! The messages of a room: a scrolled list that loads pages at both ends.

mod keyboard;
mod rows;
mod scroll;
mod size;

pub mod edges;
pub mod row_table;
pub mod target;

use std::sync::Arc;

use leptos::html::{Div, Ol};
use leptos::prelude::*;
use shared::ids::MessageId;

use crate::components::icon::Icon;
use crate::components::message_actions::MessageActions;
use crate::components::message_list::edges::ListEdges;
use crate::components::message_list::keyboard::move_focus;
use crate::components::message_list::row_table::RowTable;
use crate::components::message_list::rows::MessageRows;
use crate::components::message_list::scroll::ListScroll;
use crate::components::message_list::size::observe_size;
use crate::components::message_list::target::ScrollTarget;

/// The list of messages.
#[component]
pub fn MessageList(
    /// The room's name.
    room_name: Memo<String>,
    /// The rows.
    table: Memo<Arc<RowTable>>,
    /// What lies above and below the loaded messages.
    edges: Memo<ListEdges>,
    /// How many messages are unread.
    unread: Signal<u64>,
    /// Where to scroll to. The list sets it to `None` when it is there.
    target: RwSignal<Option<ScrollTarget>>,
    /// The user's local day.
    today: RwSignal<i64>,
    /// Whether the user sees the end of the list. The list sets it.
    at_end: RwSignal<bool>,
    /// The message that the URL points at.
    pointed: Memo<Option<MessageId>>,
    /// The actions on messages.
    actions: MessageActions,
    /// Called to load older messages.
    on_older: Callback<()>,
    /// Called to load newer messages.
    on_newer: Callback<()>,
    /// Called to show the newest messages.
    on_latest: Callback<()>,
) -> impl IntoView {
    let viewport = NodeRef::<Div>::new();
    let content = NodeRef::<Div>::new();
    let list = NodeRef::<Ol>::new();
    let scroll = ListScroll::new(viewport, list, table, edges, target, at_end, on_older, on_newer);
    scroll.follow_state();
    for element in [viewport, content] {
        element.on_load(move |element| observe_size(&element, move || scroll.settle()));
    }
    let on_jump = Callback::new(move |()| match edges.get_untracked().newer {
        true => on_latest.run(()),
        false => scroll.go_to_end(),
    });
    let can_jump = move || {
        let edges = edges.get();
        edges.loaded && (edges.newer || !at_end.get())
    };
    view! {
        <div class="log-place">
            <div
                node_ref=viewport
                class="log"
                role="log"
                // Another region says what is new. This one would say history and buttons, too.
                aria-live="off"
                tabindex="0"
                aria-label=move || format!("Messages in {}", room_name.get())
                aria-busy=move || edges.get().loading.to_string()
                on:keydown=move |event| {
                    if let Some(list) = list.get_untracked() {
                        move_focus(&event, &list);
                    }
                }
                on:scroll=move |_| scroll.scrolled()
            >
                <div node_ref=content class="log-content">
                    <div class="log-top">
                        <ListTop room_name=room_name edges=edges on_older=on_older />
                    </div>
                    <MessageRows list=list table=table today=today pointed=pointed actions=actions />
                </div>
            </div>
            <Show when=can_jump>
                <JumpButton unread=unread on_jump=on_jump />
            </Show>
        </div>
    }
}

/// What is above the messages: a button that loads older ones, or the beginning of the room.
#[component]
fn ListTop(room_name: Memo<String>, edges: Memo<ListEdges>, on_older: Callback<()>) -> impl IntoView {
    let loading = move || edges.get().loading;
    let beginning = move || {
        view! {
            <p class="beginning">
                "This is the beginning of " <bdi>{move || room_name.get()}</bdi> "."
            </p>
        }
    };
    view! {
        <Show when=move || edges.get().loaded>
            <Show when=move || edges.get().older fallback=beginning>
                <button
                    type="button"
                    class="button small"
                    aria-busy=move || loading().to_string()
                    on:click=move |_| on_older.run(())
                >
                    {move || if loading() { "Loading…" } else { "Load previous messages…" }}
                </button>
            </Show>
        </Show>
    }
}

/// Leads to the newest message.
#[component]
fn JumpButton(unread: Signal<u64>, on_jump: Callback<()>) -> impl IntoView {
    let label = move || match unread.get() {
        0 => "Jump to latest".to_owned(),
        count => format!("Jump to latest ({count})"),
    };
    view! {
        <button type="button" class="jump button" on:click=move |_| on_jump.run(())>
            <Icon name="down" />
            <span>{move || label()}</span>
        </button>
    }
}
