//! The people in the open room.

use leptos::prelude::*;
use shared::ids::UserId;
use shared::users::{User, UserKind};

use crate::components::avatar::Avatar;
use crate::components::icon_button::IconButton;
use crate::components::keyed_list::KeyedList;
use crate::state::presence::Presence;

/// The people in the open room, by name, and how many more there are.
#[component]
pub fn PeoplePanel(
    /// Who is in the room.
    presence: RwSignal<Presence>,
    /// The user.
    me: Signal<Option<UserId>>,
    /// Whether the panel is open where it does not fit beside the messages.
    open: RwSignal<bool>,
) -> impl IntoView {
    // Who has another name is drawn anew.
    let key = |user: &User| {
        let name = user.username.as_str().bytes();
        user.id.0.as_u128() ^ name.fold(0, |sum: u128, byte| sum.wrapping_mul(257) ^ u128::from(byte))
    };
    let keys =
        Signal::derive(move || presence.with(|presence| presence.people.iter().map(key).collect::<Vec<_>>()));
    let draw = move |wanted| {
        let find = |presence: &Presence| presence.people.iter().find(|user| key(user) == wanted).cloned();
        presence.with_untracked(find).map(|user| view! { <Person user=user me=me /> }).into_any()
    };
    view! {
        <aside id="people" class="people" class:open=move || open.get() aria-label="People">
            <div class="people-head">
                <h2>"People"</h2>
                <IconButton
                    label="Close people"
                    icon="close"
                    class="icon-button people-close"
                    on_press=move |()| open.set(false)
                />
            </div>
            <ul>
                <KeyedList keys=keys draw=draw />
            </ul>
            <p class="people-visitors">{move || presence.with(others)}</p>
        </aside>
    }
}

#[component]
fn Person(user: User, me: Signal<Option<UserId>>) -> impl IntoView {
    let User { id, username, kind, .. } = user;
    let name = username.as_str().to_owned();
    view! {
        <li class="person">
            <Avatar user_id=id name=name.clone() />
            <span class="person-name" dir="auto">
                {name}
            </span>
            {(kind == UserKind::Bot).then(|| view! { <span class="tag">"bot"</span> })}
            <span class="person-note">{move || if me.get() == Some(id) { "you" } else { "" }}</span>
        </li>
    }
}

/// Counts the people who are not listed: those beyond the list's limit and those without a name.
fn others(presence: &Presence) -> String {
    let people = match presence.unlisted() {
        0 => None,
        1 => Some("1 more person".to_owned()),
        many => Some(format!("{many} more people")),
    };
    let visitors = match presence.visitors {
        0 => None,
        1 => Some("1 person reading without a name".to_owned()),
        many => Some(format!("{many} people reading without a name")),
    };
    match (people, visitors) {
        (Some(people), Some(visitors)) => format!("and {people}, {visitors}"),
        (Some(people), None) => format!("and {people}"),
        (None, Some(visitors)) if presence.people.is_empty() => visitors,
        (None, Some(visitors)) => format!("and {visitors}"),
        (None, None) if presence.people.is_empty() => "Nobody is here yet.".to_owned(),
        (None, None) => String::new(),
    }
}
