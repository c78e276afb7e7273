//! The people of the open room.

use leptos::prelude::*;
use shared::ids::UserId;
use shared::members::Role;
use shared::users::{User, UserKind};

use crate::boxed::memo;
use crate::components::avatar::Avatar;
use crate::components::icon_button::IconButton;
use crate::components::keyed_list::KeyedList;
use crate::state::members::{Group, Members, Person, role_title};
use crate::state::pictures::Picture;
use crate::state::presence::Presence;

/// The members of the open room by role, who else is there, and how many more there are.
#[component]
pub fn PeoplePanel(
    /// Who is in the room.
    presence: RwSignal<Presence>,
    /// The room's members.
    members: RwSignal<Members>,
    /// The user.
    me: Signal<Option<UserId>>,
    /// Whether the panel is open where it does not fit beside the messages.
    open: RwSignal<bool>,
    /// Called with the person whose card is to be shown.
    on_person: Callback<User>,
    /// Called to load more members.
    on_more: Callback<()>,
) -> impl IntoView {
    let groups = memo(move || members.with(|members| presence.with(|presence| members.groups(presence))));
    // The groups have the numbers of their roles.
    let keys = memo(move || groups.with(|groups| groups.iter().map(|group| role_key(group.role)).collect()));
    let draw = move |key| view! { <GroupView groups=groups key=key me=me on_person=on_person /> }.into_any();
    let has_more = move || members.with(|members| members.next_cursor().is_some());
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
            <KeyedList keys=keys draw=draw />
            <Show when=has_more>
                <button type="button" class="button small" on:click=move |_| on_more.run(())>
                    "Show more members"
                </button>
            </Show>
            <p class="people-visitors">{move || presence.with(others)}</p>
        </aside>
    }
}

/// A role as a key of a list.
fn role_key(role: Option<Role>) -> u128 {
    role.map_or(0, |role| 1 + role as u128)
}

#[component]
fn GroupView(
    groups: Memo<Vec<Group>>,
    key: u128,
    me: Signal<Option<UserId>>,
    on_person: Callback<User>,
) -> impl IntoView {
    let group = move |groups: &Vec<Group>| groups.iter().find(|group| role_key(group.role) == key).cloned();
    let people = memo(move || groups.with(group).map(|group| group.people).unwrap_or_default());
    let title = groups.with_untracked(group).map_or("", |group| role_title(group.role));
    // A row is drawn again when its name, picture or presence changes.
    let person_key = |person: &Person| {
        let picture = person.user.avatar_url.as_deref().unwrap_or_default();
        let name = person.user.username.as_str().bytes().chain([u8::from(person.is_online)]);
        person.user.id.0.as_u128()
            ^ name.chain(picture.bytes()).fold(0, |sum: u128, byte| sum.wrapping_mul(257) ^ u128::from(byte))
    };
    let keys = memo(move || people.with(|people| people.iter().map(person_key).collect()));
    let draw = move |wanted| {
        let find = |people: &Vec<Person>| people.iter().find(|it| person_key(it) == wanted).cloned();
        people
            .with_untracked(find)
            .map(|person| view! { <PersonView person=person me=me on_person=on_person /> })
            .into_any()
    };
    view! {
        <section>
            <h3 class="people-role">{title} " " <span>{move || people.with(Vec::len)}</span></h3>
            <ul aria-label=title>
                <KeyedList keys=keys draw=draw />
            </ul>
        </section>
    }
}

#[component]
fn PersonView(person: Person, me: Signal<Option<UserId>>, on_person: Callback<User>) -> impl IntoView {
    let Person { user, is_online } = person;
    let (id, kind, picture) = (user.id, user.kind, Picture::from(&user));
    let name = user.username.as_str().to_owned();
    view! {
        <li>
            <button
                type="button"
                class="person"
                class:away=!is_online
                on:click=move |_| on_person.run(user.clone())
            >
                <Avatar picture=picture name=name.clone() />
                <span class="dot" class:none=!is_online aria-hidden="true"></span>
                <span class="person-name" dir="auto">
                    {name}
                </span>
                <span class="sr-only">{if is_online { " online " } else { " away " }}</span>
                {(kind == UserKind::Bot).then(|| view! { <span class="tag">"bot"</span> })}
                <span class="person-note">{move || if me.get() == Some(id) { "you" } else { "" }}</span>
            </button>
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
