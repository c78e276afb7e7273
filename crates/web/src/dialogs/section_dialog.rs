//! The frame of the settings and of the dialog about a room: a list of sections, and the section that is shown.
//!
//! On a phone the list is a page, and each section is one.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::boxed::memo;
use crate::browser;
use crate::components::icon::Icon;
use crate::components::keyed_list::KeyedList;
use crate::components::modal::Modal;
use crate::dialogs::unsaved::Unsaved;
use crate::state::sections::{Sections, Step};

/// A section: its number and its label.
pub type Section = (u32, &'static str);

/// A dialog with sections. Leaving a section asks first if something there is not saved.
#[component]
pub fn SectionDialog(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
    /// The dialog's name for screen readers.
    label: &'static str,
    /// The heading.
    #[prop(into)]
    title: Signal<String>,
    /// What is shown, and what is not saved there.
    unsaved: Unsaved,
    /// The sections that there are.
    items: Memo<Vec<Section>>,
    /// The section to begin with, instead of the list. Asked when the dialog opens.
    #[prop(into)]
    start: Callback<(), Option<u32>>,
    /// Draws a section.
    #[prop(into)]
    draw: Callback<u32, AnyView>,
) -> impl IntoView {
    let sections = unsaved.sections;
    let step = Callback::new(move |step| {
        unsaved.before(move || {
            sections.update(|sections| sections.go(step));
            match step {
                Step::Close => open.set(false),
                Step::List => focus("#sections [aria-current]"),
                // Beside the list, the focus stays on its button.
                Step::Section(_) if browser::matches(browser::NARROW) => focus("#section-title"),
                Step::Section(_) => {}
            }
        });
    });
    let content = move || {
        sections.update_untracked(|sections| sections.open(start.run(())));
        view! { <Frame title=title label=label sections=sections items=items step=step draw=draw /> }
    };
    // On a phone, Back leads from a section to the list, and from there out of the dialog.
    let leave = move |()| {
        let is_page = browser::matches(browser::NARROW) && !sections.with_untracked(Sections::is_at_list);
        step.run(if is_page { Step::List } else { Step::Close });
    };
    view! {
        <Modal open=open label=label class="sectioned" on_leave=Some(Callback::new(leave))>
            {content()}
        </Modal>
    }
}

fn focus(selector: &'static str) {
    request_animation_frame(move || browser::focus(selector));
}

#[component]
fn Frame(
    title: Signal<String>,
    label: &'static str,
    sections: RwSignal<Sections>,
    items: Memo<Vec<Section>>,
    step: Callback<Step>,
    draw: Callback<u32, AnyView>,
) -> impl IntoView {
    let shown = memo(move || sections.with(Sections::shown));
    let is_at_list = memo(move || sections.with(Sections::is_at_list));
    let visit = memo(move || sections.with(Sections::visit));
    // The user may lose the right to see a section.
    let name = memo(move || {
        let shown = shown.get();
        items.with(|items| items.iter().find(|item| item.0 == shown).map(|item| item.1))
    });
    let item = move |(number, name): Section| {
        view! {
            <li>
                <button
                    type="button"
                    class="section-link"
                    aria-current=move || (shown.get() == number).then_some("true")
                    on:click=move |_| step.run(Step::Section(number))
                >
                    {name}
                </button>
            </li>
        }
        .into_any()
    };
    // Keyed, so that a visit is drawn once, whatever its parts read.
    let visits = move || name.get().map(|_| u128::from(visit.get())).into_iter().collect::<Vec<_>>();
    let visited = move |_| draw.run(shown.get_untracked());
    view! {
        <div class="section-frame" class:at-list=move || is_at_list.get()>
            <h2 dir="auto">{move || title.get()}</h2>
            <nav id="sections" aria-label=format!("{label}: sections") on:keydown=move_focus>
                <ul>{move || items.get().into_iter().map(item).collect_view()}</ul>
            </nav>
            <section class="section" tabindex="-1" aria-labelledby="section-title">
                <div class="section-head">
                    <button
                        type="button"
                        class="icon-button section-back"
                        aria-label="All sections"
                        on:click=move |_| step.run(Step::List)
                    >
                        <Icon name="down" />
                    </button>
                    <h3 id="section-title" tabindex="-1">
                        {move || name.get()}
                    </h3>
                </div>
                <div class="section-content">
                    <KeyedList keys=Signal::derive(visits) draw=visited />
                </div>
            </section>
            <div class="dialog-actions">
                <button type="button" class="button primary" on:click=move |_| step.run(Step::Close)>
                    "Done"
                </button>
            </div>
        </div>
    }
}

/// The arrow keys move the focus through the list, which Tab does as well.
fn move_focus(event: KeyboardEvent) {
    let Ok(buttons) = document().query_selector_all("#sections button") else { return };
    let focused = document().active_element();
    let is_focused = |place: &u32| buttons.get(*place).as_ref() == focused.as_ref().map(AsRef::as_ref);
    let Some(place) = (0..buttons.length()).find(is_focused) else { return };
    let last = buttons.length() - 1;
    let next = match event.key().as_str() {
        "ArrowDown" => (place + 1).min(last),
        "ArrowUp" => place.saturating_sub(1),
        "Home" => 0,
        "End" => last,
        _ => return,
    };
    event.prevent_default();
    if let Some(button) = buttons.get(next).and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        // Focusing an element of the page cannot fail.
        let _ = button.focus();
    }
}
