//! Who is in the room.

use leptos::prelude::*;
use shared::ids::UserId;
use shared::users::{User, UserKind};

use crate::components::avatar::avatar;
use crate::dom::{El, el, icon_button};
use crate::state::presence::Presence;

/// The people in the open room, by name, and how many more there are.
pub struct PeoplePanel {
    /// Who is there.
    pub presence: RwSignal<Presence>,
    /// Who one is oneself.
    pub me: Signal<Option<UserId>>,
    /// Whether it is open where there is no room for it beside the messages.
    pub open: RwSignal<bool>,
}

impl PeoplePanel {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { presence, me, open } = self;
        let keys = move || {
            presence.with(|presence| presence.people.iter().map(|user| user.id.0.as_u128()).collect())
        };
        let draw = move |key| {
            let found = presence.with_untracked(|presence| {
                presence.people.iter().find(|user| user.id.0.as_u128() == key).cloned()
            });
            found.map_or_else(|| el("li"), |user| person(&user, me))
        };
        let visitors = move || {
            presence.with(|presence| {
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
                    (Some(more), None) => format!("and {more}"),
                    (None, Some(more)) if presence.people.is_empty() => more,
                    (None, Some(more)) => format!("and {more}"),
                    (None, None) if presence.people.is_empty() => "Nobody is here yet.".to_owned(),
                    (None, None) => String::new(),
                }
            })
        };
        let close = icon_button("Close people", "close").class("icon-button people-close");
        el("aside")
            .attr("id", "people")
            .class("people")
            .class_if("open", move || open.get())
            .attr("aria-label", "People")
            .child(
                el("div")
                    .class("people-head")
                    .child(el("h2").text("People"))
                    .child(close.on_click(move || open.set(false))),
            )
            .child(el("ul").list(keys, draw))
            .child(el("p").class("people-visitors").live_text(visitors))
    }
}

fn person(user: &User, me: Signal<Option<UserId>>) -> El {
    let id = user.id;
    let name = user.username.as_str();
    let bot = (user.kind == UserKind::Bot).then(|| el("span").class("tag").text("bot"));
    el("li")
        .class("person")
        .child(avatar(id, name))
        .child(el("span").class("person-name").attr("dir", "auto").text(name))
        .children(bot)
        .child(
            el("span").class("person-note").live_text(move || if me.get() == Some(id) { "you" } else { "" }),
        )
}
