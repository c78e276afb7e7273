//! A list of things that can be acted on: people, invites, bans, tokens.

use std::sync::Arc;

use leptos::prelude::*;

use crate::components::avatar::Avatar;
use crate::state::pictures::Picture;

/// What can be done with a row.
#[derive(Clone)]
pub struct RowAction {
    /// The words on the button.
    pub label: &'static str,
    /// Called on a click. Not a `Callback`, which would end with the component that made the row.
    pub run: Arc<dyn Fn() + Send + Sync>,
}

/// Something in the list.
#[derive(Clone, Default)]
pub struct ListRow {
    /// The picture beside it.
    pub picture: Option<Picture>,
    /// Whom or what it shows, if that is not the title. The title is a sentence then.
    pub person: String,
    /// What it is called.
    pub title: String,
    /// More about it.
    pub note: String,
    /// What can be done with it.
    pub actions: Vec<RowAction>,
}

impl ListRow {
    /// The same with another button.
    #[must_use]
    pub fn with(mut self, label: &'static str, run: impl Fn() + Send + Sync + 'static) -> Self {
        self.actions.push(RowAction { label, run: Arc::new(run) });
        self
    }
}

/// The rows, or words in their place.
#[component]
pub fn RowList(
    /// What they are, for screen readers.
    label: &'static str,
    /// What is said when there are none.
    empty: &'static str,
    /// The rows; `None` until they are loaded.
    #[prop(into)]
    rows: Signal<Option<Vec<ListRow>>>,
) -> impl IntoView {
    let draw = move || match rows.get() {
        None => view! { <p>"Loading…"</p> }.into_any(),
        Some(rows) if rows.is_empty() => view! { <p>{empty}</p> }.into_any(),
        Some(rows) => view! {
            <ul class="rows" aria-label=label>
                {rows.into_iter().map(row).collect_view()}
            </ul>
        }
        .into_any(),
    };
    view! { {move || draw()} }
}

fn row(row: ListRow) -> AnyView {
    let ListRow { picture, person, title, note, actions } = row;
    let is_sentence = !person.is_empty();
    let name = if is_sentence { person } else { title.clone() };
    let picture = picture.map(|picture| view! { <Avatar picture=picture name=name /> });
    let button = |action: RowAction| {
        let RowAction { label, run } = action;
        view! {
            <button type="button" class="button small" aria-label=format!("{label}: {title}") on:click=move |_| run()>
                {label}
            </button>
        }
        .into_any()
    };
    let buttons = actions.into_iter().map(button).collect_view();
    view! {
        <li class="row" class:sentence=is_sentence>
            {picture}
            <span class="row-words">
                <strong dir="auto">{title.clone()}</strong>
                <span class="row-note">{note}</span>
            </span>
            {buttons}
        </li>
    }
    .into_any()
}
