//! The open thread, at the side of its room.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::MessageId;
use shared::messages::{Message, MessagePage};
use shared::page::Cursor;

use crate::boxed::{effect, memo};
use crate::browser;
use crate::client;
use crate::client::messages::Slice;
use crate::components::icon_button::IconButton;
use crate::components::message_list::MessageList;
use crate::components::message_list::edges::ListEdges;
use crate::components::message_list::row_table::RowTable;
use crate::components::message_list::target::ScrollTarget;
use crate::pages::room_page::composer::RoomComposer;
use crate::pages::room_page::context::RoomContext;
use crate::parts::DraftFacts;
use crate::state::Heard;
use crate::state::rows::{Beside, rows};
use crate::state::thread::Thread;
use crate::state::toasts::Tone;

/// The thread that is shown, for what stands within it.
#[derive(Clone, Copy)]
pub struct OpenThread(pub RwSignal<Thread>);

/// The thread, with a composer of its own. `room` is the page that it stands beside.
#[component]
pub fn ThreadPanel(
    /// The first message.
    root: MessageId,
) -> impl IntoView {
    let page = expect_context::<RoomContext>();
    let RoomContext { state, live, overlays, room_id, .. } = page;
    // The list in the panel has a place, an end, an editor, a reply and files of its own.
    let room = RoomContext {
        loading: RwSignal::new(false),
        failure: RwSignal::new(None),
        target: RwSignal::new(None),
        at_end: RwSignal::new(true),
        editing: RwSignal::new(None),
        replying: RwSignal::new(None),
        thread: Some(root),
        draft_files: DraftFacts::default(),
        ..page
    };
    provide_context(room);
    let thread = RwSignal::new(Thread::new(root));
    provide_context(OpenThread(thread));
    let hear = move |heard: Heard<'_>| {
        let change = |thread: &mut Thread| match heard {
            Heard::Message(message) => thread.apply(message),
            Heard::Name(author) => thread.rename_author(author),
        };
        thread.maybe_update(change);
    };
    state.watcher.set_value(Some((root, Box::new(hear))));
    on_cleanup(move || {
        // Another thread may have taken its place already.
        state.watcher.update_value(|watcher| {
            if watcher.as_ref().is_some_and(|(watched, _)| *watched == root) {
                *watcher = None;
            }
        });
    });
    let load = move |before: Option<Cursor>| {
        if room.loading.get_untracked() {
            return;
        }
        room.loading.set(true);
        let is_first = before.is_none();
        spawn_local(async move {
            let outcome = client::messages::list(room_id, Slice::Thread(root, before)).await;
            if room.loading.try_set(false).is_some() {
                return;
            }
            match outcome {
                Ok(page) => {
                    let MessagePage { items, context, mine, prev_cursor, .. } = page;
                    state.change_timeline(room_id, |timeline| {
                        timeline.own.replace(&items, mine);
                        timeline.references.learn(context);
                    });
                    thread.try_update(|thread| thread.add_page(items, prev_cursor));
                    if is_first {
                        room.target.set(Some(ScrollTarget::Newest));
                    }
                }
                Err(error) if is_first => room.failure.set(Some(error.sentence())),
                Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    };
    // What was missed without a connection is loaded anew.
    let is_open = memo(move || state.connection.with(|connection| connection.is_open()));
    effect(move || {
        if is_open.get() || !thread.with_untracked(Thread::is_loaded) {
            untrack(|| load(None));
        }
    });
    let table = memo(move || {
        let me = room.me();
        let mut unsent = state.unsent(room_id);
        unsent.retain(|(message, _)| message.reply_to.is_some_and(|reply| reply.root_id == root));
        let rows = state.timeline(room_id, |timeline| {
            let timeline = timeline?;
            let beside = |message: &Message| {
                let beside = state.beside(timeline, message, me);
                // That it answers the first message goes without saying here.
                let quote = beside.quote.filter(|quote| quote.id != root);
                Beside { quote, replies: 0, ..beside }
            };
            thread.with(|thread| Some(rows(thread.messages(), &unsent, None, browser::local_day, beside)))
        });
        Arc::new(RowTable::new(rows.unwrap_or_default()))
    });
    let edges = memo(move || {
        let loading = room.loading.get();
        thread.with(|thread| ListEdges {
            loaded: thread.is_loaded(),
            older: thread.older().is_some(),
            newer: false,
            loading,
        })
    });
    let load_older = move || {
        let older = thread.with_untracked(|thread| thread.older().cloned());
        if older.is_some() {
            load(older);
        }
    };
    let is_signed_in = memo(move || room.me().is_some());
    request_animation_frame(|| browser::focus(".thread-close"));
    view! {
        <aside id="thread" class="thread" aria-label="Thread">
            <div class="thread-head">
                <h2>"Thread"</h2>
                <IconButton
                    label="Close the thread"
                    icon="close"
                    class="icon-button thread-close"
                    on_press=move |()| overlays.thread.set(None)
                />
            </div>
            <MessageList
                room_name=memo(|| "this thread".to_owned())
                table=table
                edges=edges
                unread=Signal::derive(|| 0)
                target=room.target
                today=live.today
                at_end=room.at_end
                pointed=memo(|| None)
                actions=room.actions()
                on_older=Callback::new(move |()| load_older())
                on_newer=Callback::new(|()| ())
                on_latest=Callback::new(|()| ())
            />
            {move || room.failure.get().map(|failure| view! { <p class="thread-note" role="alert">{failure}</p> })}
            <Show when=move || is_signed_in.get()>
                <RoomComposer />
            </Show>
        </aside>
    }
}
