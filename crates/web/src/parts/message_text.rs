//! Formatted text, drawn from its tree. No part of it ever becomes HTML.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::excerpts::inline_text;
use shared::formatting::{Block, Element, Inline};
use shared::ids::UserId;

use crate::boxed::memo;
use crate::browser;
use crate::components::message_item::{edited, link};
use crate::overlays::Overlays;
use crate::route::Route;
use crate::state::State;
use crate::state::excerpts::blocks;
use crate::state::links::{is_safe, other_host};
use crate::state::rows::MessageRow;

/// The text of a message.
#[component]
pub fn MessageText(
    /// The message as it is now.
    row: RwSignal<MessageRow>,
) -> impl IntoView {
    let (state, overlays) = (expect_context::<State>(), expect_context::<Overlays>());
    let me = Signal::derive(move || state.identity.with(|identity| identity.user().map(|user| user.id)));
    // Reactions and the like must not draw it anew: it may have the focus, or show a spoiler.
    let said = memo(move || row.with(|row| (row.message.body.clone(), row.message.edited_at)));
    let text = move || {
        said.track();
        row.with_untracked(|row| {
            let mark = edited(&row.message, state, overlays);
            view! {
                <div class="text formatted">
                    {with_mark(blocks(&row.message).unwrap_or_default(), mark, me)}
                </div>
            }
            .into_any()
        })
    };
    view! { {move || text()} }
}

/// Draws blocks. `me` is the user, whose mentions stand out.
pub fn formatted(blocks: &[Block], me: Signal<Option<UserId>>) -> AnyView {
    blocks.iter().map(|block| draw(Node::Block(block), me)).collect_view().into_any()
}

/// Draws blocks with a mark behind the last words: in the last paragraph, if they end with one.
fn with_mark(blocks: &[Block], mark: Option<AnyView>, me: Signal<Option<UserId>>) -> AnyView {
    match blocks.split_last() {
        Some((Block::P { c }, before)) if mark.is_some() => {
            let words = c.iter().map(|it| draw(Node::Inline(it), me)).collect_view();
            view! { {formatted(before, me)} <p dir="auto">{words} {mark}</p> }.into_any()
        }
        _ => view! { {formatted(blocks, me)} {mark} }.into_any(),
    }
}

/// A part of a tree.
#[derive(Clone, Copy)]
enum Node<'a> {
    Block(&'a Block),
    Inline(&'a Inline),
}

/// The one function that draws every part, so that the client has the code of each once.
fn draw(node: Node<'_>, me: Signal<Option<UserId>>) -> AnyView {
    let within = |c: &[Inline]| c.iter().map(|it| draw(Node::Inline(it), me)).collect_view().into_any();
    let items = |c: &[Vec<Block>]| {
        c.iter().map(|item| view! { <li>{formatted(item, me)}</li> }.into_any()).collect_view().into_any()
    };
    match node {
        Node::Block(block) => match block {
            Block::P { c } => view! { <p dir="auto">{within(c)}</p> }.into_any(),
            // The page's own headings are above the level of messages.
            Block::H { l: 1, c } => view! { <h4 dir="auto">{within(c)}</h4> }.into_any(),
            Block::H { l: 2, c } => view! { <h5 dir="auto">{within(c)}</h5> }.into_any(),
            Block::H { c, .. } => view! { <h6 dir="auto">{within(c)}</h6> }.into_any(),
            Block::Pre { lang, text } => view! { <Code lang=lang.clone() text=text.clone() /> }.into_any(),
            Block::Quote { c } => view! { <blockquote>{formatted(c, me)}</blockquote> }.into_any(),
            Block::Ul { c } => view! { <ul>{items(c)}</ul> }.into_any(),
            Block::Ol { start, c } => view! { <ol start=start.to_string()>{items(c)}</ol> }.into_any(),
            Block::Unknown => ().into_any(),
        },
        Node::Inline(Inline::Text(text)) => text.clone().into_any(),
        Node::Inline(Inline::Element(element)) => match element {
            Element::B { c } => view! { <strong>{within(c)}</strong> }.into_any(),
            Element::I { c } => view! { <em>{within(c)}</em> }.into_any(),
            Element::S { c } => view! { <s>{within(c)}</s> }.into_any(),
            Element::Code { text } => view! { <code>{text.clone()}</code> }.into_any(),
            Element::A { href, c } if is_safe(href) => {
                let host = other_host(href, &inline_text(c));
                let host = host.map(|host| view! { <span class="url-host">{format!(" ({host})")}</span> });
                view! { {link(href.clone(), within(c))} {host} }.into_any()
            }
            Element::A { c, .. } => within(c),
            Element::Br => view! { <br /> }.into_any(),
            Element::Spoiler { c } => view! { <Spoiler content=within(c) /> }.into_any(),
            Element::User { id, text } => {
                let id = *id;
                let is_own = move || me.get() == Some(id);
                view! { <span class="mention" class:own=is_own>{text.clone()}</span> }.into_any()
            }
            Element::Everyone => view! { <span class="mention own">"@everyone"</span> }.into_any(),
            Element::Room { id, text } => {
                view! { <a class="mention" href=Route::Room(*id).path()>{text.clone()}</a> }.into_any()
            }
            Element::Unknown => ().into_any(),
        },
    }
}

/// A block of code with its language, and a button that copies it.
#[component]
fn Code(lang: Option<String>, text: String) -> impl IntoView {
    let is_copied = RwSignal::new(false);
    let code = text.clone();
    let copy = move |_| {
        let code = code.clone();
        spawn_local(async move {
            let done = browser::copy(&code).await;
            is_copied.try_set(done);
            if done {
                browser::announce(Some("Copied"));
            }
        });
    };
    let name = lang.clone().unwrap_or_else(|| "Code".to_owned());
    let is_bare = lang.is_none();
    view! {
        <div class="code" class:bare=is_bare>
            <p class="code-head">
                <span>{lang}</span>
                <button type="button" class="link" aria-label="Copy code" on:click=copy>
                    {move || if is_copied.get() { "Copied" } else { "Copy" }}
                </button>
            </p>
            // What is too wide is scrolled by keyboard, too.
            <pre dir="ltr" role="group" tabindex="0" aria-label=name>
                <code>{text}</code>
            </pre>
        </div>
    }
}

/// Text that is hidden until it is asked for. It stays an element of the line, which a real button would break.
#[component]
fn Spoiler(content: AnyView) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let open = move |event: KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") && !is_open.get_untracked() {
            event.prevent_default();
            is_open.set(true);
        }
    };
    let closed = move |value: &'static str| (!is_open.get()).then_some(value);
    view! {
        <span
            class="spoiler"
            class:open=move || is_open.get()
            role=move || closed("button")
            tabindex=move || if is_open.get() { "-1" } else { "0" }
            aria-label=move || closed("Spoiler: show it")
            on:click=move |_| is_open.set(true)
            on:keydown=open
        >
            <span class="spoiler-text">{content}</span>
        </span>
    }
}
