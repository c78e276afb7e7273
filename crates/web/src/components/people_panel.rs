//! Who is in the room.

use leptos::prelude::*;
use shared::ids::UserId;
use shared::users::{User, UserKind};

use crate::components::avatar::avatar;
use crate::components::icon::icon;
use crate::shapes::{act, each, text};
use crate::state::presence::Presence;

/// The people in the open room, by name, and how many more look on without one.
#[component]
pub fn PeoplePanel(
    /// Who is there.
    #[prop(into)]
    presence: Signal<Presence>,
    /// Who one is oneself.
    #[prop(into)]
    me: Signal<Option<UserId>>,
    /// Whether it is open where there is no room for it beside the messages.
    open: RwSignal<bool>,
) -> impl IntoView {
    let people =
        move || presence.with(|presence| presence.people.iter().map(|user| user.id.0.as_u128()).collect());
    let draw = move |id| {
        presence.with_untracked(|presence| {
            let found = presence.people.iter().find(|user| user.id.0.as_u128() == id);
            found.map_or_else(|| ().into_any(), |user| person(user, me))
        })
    };
    let visitors = move || {
        presence.with(|presence| match presence.visitors {
            0 if presence.people.is_empty() => "Nobody is here yet.".to_owned(),
            0 => String::new(),
            1 => "and 1 visitor without a name".to_owned(),
            many => format!("and {many} visitors without a name"),
        })
    };
    view! {
        <aside id="people" class="people" class:open=open aria-label="People">
            <div class="people-head">
                <h2>"People"</h2>
                <button
                    type="button"
                    class="icon-button people-close"
                    aria-label="Close people"
                    on:click=act(move || open.set(false))
                >
                    {icon("close")}
                </button>
            </div>
            <ul>
                {each(people, draw)}
            </ul>
            <p class="people-visitors">{text(visitors)}</p>
        </aside>
    }
    .into_any()
}

fn person(user: &User, me: Signal<Option<UserId>>) -> AnyView {
    let id = user.id;
    let name = user.username.as_str().to_owned();
    let note = move || match me.get() == Some(id) {
        true => "you",
        false => "",
    };
    let kind = (user.kind == UserKind::Bot).then_some(view! { <span class="tag">"bot"</span> });
    view! {
        <li class="person">
            {avatar(id, &name)}
            <span class="person-name" dir="auto">{name}</span>
            {kind}
            <span class="person-note">{text(note)}</span>
        </li>
    }
    .into_any()
}
