//! The members of a room, and adding a user.

use leptos::prelude::*;
use shared::ids::UserId;
use shared::members::{Member, Operation, Role};
use shared::users::User;

use super::context::Dialog;
use super::person::PersonCard;
use crate::boxed::effect;
use crate::browser;
use crate::client;
use crate::components::choice_field::ChoiceField;
use crate::components::row_list::{ListRow, RowList};
use crate::debounce::Debounce;
use crate::state::form_errors::WHOLE;
use crate::state::members::role_name;
use crate::submission::Submission;

/// The members, or the card of the person who was chosen.
#[component]
pub fn MemberList(dialog: Dialog) -> impl IntoView {
    let person = dialog.overlays.person;
    let draw = move || match person.get() {
        Some(user) => view! { <PersonCard dialog=dialog user=user /> }.into_any(),
        None => view! { <List dialog=dialog /> }.into_any(),
    };
    view! { {move || draw()} }
}

#[component]
fn List(dialog: Dialog) -> impl IntoView {
    let Dialog { state, live, overlays, room_id, .. } = dialog;
    let row = move |member: &Member| {
        let user = member.user.clone();
        let muted = member.muted_until.map_or("", |_| " · muted");
        let you = if state.me() == Some(user.id) { " · you" } else { "" };
        let note = format!("{}{you}{muted}", role_name(member.role));
        let row = ListRow {
            picture: Some((&user).into()),
            title: user.username.as_str().to_owned(),
            note,
            ..ListRow::default()
        };
        row.with("View", move || overlays.person.set(Some(user.clone())))
    };
    let rows = Signal::derive(move || {
        state.members.with(|members| {
            members.is_loaded().then(|| members.all().into_iter().map(row).collect::<Vec<_>>())
        })
    });
    let has_more = move || state.members.with(|members| members.next_cursor().is_some());
    view! {
        <Show when=move || dialog.may(Operation::InviteUser)>
            <AddMember dialog=dialog />
        </Show>
        <RowList label="Members" empty="Nobody has joined yet." rows=rows />
        <Show when=has_more>
            <button type="button" class="button small" on:click=move |_| live.load_members(room_id)>
                "Show more"
            </button>
        </Show>
    }
}

#[component]
fn AddMember(dialog: Dialog) -> impl IntoView {
    let query = RwSignal::new(String::new());
    let role = RwSignal::new(Role::Member.name().to_owned());
    let found = RwSignal::new(Some(Vec::<User>::new()));
    let submission = Submission::default();
    let debounce = Debounce::idle();
    let search = move || {
        let text = query.get_untracked();
        if text.trim().is_empty() {
            return found.set(Some(Vec::new()));
        }
        submission.send(Box::pin(async move {
            let mut text = text;
            loop {
                let page = client::users::list(text.trim()).await?;
                // While a search runs, no other begins: letters that were typed meanwhile are searched for now.
                let next = query.try_get_untracked().filter(|next| *next != text && !next.trim().is_empty());
                let Some(next) = next else {
                    found.try_set(Some(page.items));
                    return Ok(());
                };
                text = next;
            }
        }));
    };
    let add = move |user_id: UserId| {
        let wanted = role.get_untracked();
        let role = Role::ALL.into_iter().find(|role| role.name() == wanted).unwrap_or(Role::Guest);
        submission.send(Box::pin(async move {
            client::members::put(dialog.room_id, user_id, role).await?;
            query.try_set(String::new());
            found.try_set(Some(Vec::new()));
            // The button is gone.
            request_animation_frame(|| browser::focus("#add-member"));
            Ok(())
        }));
    };
    let rows = Signal::derive(move || {
        let is_new = |user: &User| dialog.state.members.with(|members| members.get(user.id).is_none());
        let row = |user: User| {
            let line = ListRow {
                picture: Some((&user).into()),
                title: user.username.as_str().to_owned(),
                ..ListRow::default()
            };
            line.with("Add", move || add(user.id))
        };
        let users = found.get().unwrap_or_default();
        Some(users.into_iter().filter(is_new).map(row).collect::<Vec<_>>())
    });
    effect(move || {
        if query.with(String::is_empty) {
            found.set(Some(Vec::new()));
        }
    });
    let roles = dialog.roles_to_give();
    let roles = roles.into_iter().map(|role| (role.name().to_owned(), role_name(role).to_owned())).collect();
    view! {
        <div class="account-form">
            <div class="form-field">
                <label for="add-member">"Add somebody with an account"</label>
                <input
                    id="add-member"
                    class="input"
                    type="search"
                    autocomplete="off"
                    placeholder="Type a name, then choose Add"
                    aria-describedby="add-member-hint"
                    bind:value=query
                    on:input=move |_| debounce.start(search)
                />
                <p class="form-hint" id="add-member-hint">
                    "New members can read everything in this room, including earlier messages."
                </p>
            </div>
            <ChoiceField id="add-role" label="Role" choices=roles value=role />
            <Show when=move || query.with(|query| !query.trim().is_empty())>
                <RowList label="People found" empty="Nobody else found." rows=rows />
            </Show>
            <p class="form-error" role="alert">
                {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
            </p>
        </div>
    }
}
