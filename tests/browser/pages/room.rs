//! An open room.

use super::{ENTER, RoomForm};
use crate::chrome::Chrome;
use crate::wait::eventually;
use serde::Deserialize;
use serde_json::json;

/// The room's page.
pub struct RoomPage<'a>(pub(super) &'a Chrome);

/// A message as it is shown.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Row {
    /// Who wrote it; a row without a name belongs to the one above.
    pub author: String,
    /// When, as it is written.
    pub time: String,
    /// When, as programs read it.
    pub datetime: String,
    /// The text, or the note in its place.
    pub text: String,
    /// When it was edited, in words; empty when it was not.
    pub edited: String,
    /// Whether it is still on its way.
    pub is_pending: bool,
    /// Why it could not be sent.
    pub failure: String,
}

/// What the list's upper end says.
pub const LOAD_PREVIOUS: &str = "Load previous messages…";

impl<'a> RoomPage<'a> {
    /// The room's name in the header.
    #[track_caller]
    pub fn name(&self) -> String {
        self.0.eval("return document.querySelector('.room-title-name')?.textContent ?? ''")
    }

    /// How many people are there, in words.
    #[track_caller]
    pub fn online(&self) -> String {
        self.0.eval("return document.querySelector('.room-online')?.textContent ?? ''")
    }

    /// The people at the right who are here now.
    #[track_caller]
    pub fn people(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('.people .person:not(.away) .person-name')]
                .filter(name => name.checkVisibility({ visibilityProperty: true }) && name.getBoundingClientRect().left > innerWidth / 2)
                .map(name => name.textContent)",
        )
    }

    /// The groups at the right, each with its people. Who is away stands in brackets.
    #[track_caller]
    pub fn groups(&self) -> Vec<(String, Vec<String>)> {
        self.0.eval(
            "const name = person => person.querySelector('.person-name').textContent;
            return [...document.querySelectorAll('.people section')].map(group => [
                group.querySelector('h3').textContent,
                [...group.querySelectorAll('.person')].map(person =>
                    person.matches('.away') ? `(${name(person)})` : name(person)),
            ])",
        )
    }

    /// Opens the card of somebody at the right.
    #[track_caller]
    pub fn choose_person(&self, name: &str) {
        self.0.click((".people .person-name", name));
    }

    /// What the room is about.
    #[track_caller]
    pub fn topic(&self) -> String {
        self.0.eval("return document.querySelector('.room-topic')?.textContent ?? ''")
    }

    /// Why nothing can be written, in the place of the field.
    #[track_caller]
    pub fn closed(&self) -> String {
        self.0.eval(
            "const field = document.querySelector('#composer');
            return field?.checkVisibility() ? '' : document.querySelector('.composer-closed p')?.textContent ?? ''",
        )
    }

    /// For how long slow mode makes one wait.
    #[track_caller]
    pub fn wait(&self) -> String {
        self.0.eval("return document.querySelector('.composer-wait')?.textContent ?? ''")
    }

    /// What is said about people who gave no name.
    #[track_caller]
    pub fn visitors(&self) -> String {
        self.0.eval("return document.querySelector('.people-visitors')?.textContent ?? ''")
    }

    /// The text of the message that the address points at.
    #[track_caller]
    pub fn pointed(&self) -> String {
        self.0.eval("return document.querySelector('.log li.pointed .text')?.textContent ?? ''")
    }

    /// The messages.
    #[track_caller]
    pub fn rows(&self) -> Vec<Row> {
        self.0.eval(
            "let author = '';
            return [...document.querySelectorAll('.log li.message')].map(row => {
                author = row.querySelector('.author')?.textContent ?? author;
                const time = row.querySelector('time');
                const edited = row.querySelector('.edited');
                const text = row.querySelector('.text')?.textContent ?? '';
                return {
                    author,
                    time: time.textContent.trim(),
                    datetime: time.dateTime,
                    text: edited ? text.slice(0, -edited.textContent.length) : text,
                    edited: edited?.title ?? '',
                    is_pending: row.classList.contains('pending'),
                    failure: row.querySelector('.failure span')?.textContent ?? '',
                }
            })",
        )
    }

    /// What stands in the place of the messages, such as an error; nothing when there is nothing.
    #[track_caller]
    pub fn obstacle(&self) -> String {
        self.0.eval("return document.querySelector('#main .empty h2')?.textContent ?? ''")
    }

    /// The messages' texts.
    #[track_caller]
    pub fn texts(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.text).collect()
    }

    /// The separators between the messages, each with the text of the message below.
    #[track_caller]
    pub fn separators(&self) -> Vec<(String, String)> {
        self.0.eval(
            "return [...document.querySelectorAll('.log li:not(.message)')].map(separator => {
                let next = separator.nextElementSibling;
                while (next && !next.matches('.message')) next = next.nextElementSibling;
                return [separator.textContent, next?.querySelector('.text').textContent ?? '']
            })",
        )
    }

    /// What the list's upper end says.
    #[track_caller]
    pub fn top(&self) -> String {
        self.0.eval("return document.querySelector('.log-top')?.textContent ?? ''")
    }

    /// Asks for older messages.
    #[track_caller]
    pub fn load_previous(&self) {
        self.0.click(".log-top button");
    }

    /// How far a message's text is below the window's upper edge.
    #[track_caller]
    pub fn place_of(&self, text: &str) -> f64 {
        self.0.eval_as_painted(
            "const texts = [...document.querySelectorAll('.log li.message .text')];
            const text = texts.find(text => text.firstChild.textContent === given);
            return text?.getBoundingClientRect().top ?? -1e6",
            json!(text),
        )
    }

    /// The first text below the room's header, and how far it is below the window's upper edge.
    #[track_caller]
    pub fn first_in_view(&self) -> (String, f64) {
        self.0.eval_as_painted(
            "const texts = [...document.querySelectorAll('.log li.message .text')];
            const top = document.querySelector('.log').getBoundingClientRect().top;
            const first = texts.find(text => text.getBoundingClientRect().top > top);
            return [first.firstChild.textContent, first.getBoundingClientRect().top]",
            json!(null),
        )
    }

    /// Moves the focus to a message.
    #[track_caller]
    pub fn focus_on(&self, text: &str) {
        self.0.eval_with::<()>(
            "const rows = [...document.querySelectorAll('.log li.message')];
            rows.find(row => row.querySelector('.text').textContent === arguments[0]).focus()",
            json!(text),
        );
    }

    /// The text of the message that has the focus.
    #[track_caller]
    pub fn focused(&self) -> String {
        self.0.eval(
            "return document.activeElement.closest('li.message')?.querySelector('.text').textContent ?? ''",
        )
    }

    /// Turns the wheel over the messages, up by so many pixels, or down by a negative number.
    #[track_caller]
    pub fn scroll_up(&self, pixels: i32) {
        self.0.eval_with::<()>("document.querySelector('.log').scrollBy(0, -arguments[0])", json!(pixels));
    }

    /// How many pixels lie above what is seen.
    #[track_caller]
    pub fn scrolled(&self) -> f64 {
        self.0.eval("return document.querySelector('.log').scrollTop")
    }

    /// Whether the end of the newest message is seen.
    #[track_caller]
    pub fn is_at_end(&self) -> bool {
        self.0.eval(
            "const log = document.querySelector('.log');
            return !!log && log.scrollHeight - log.scrollTop - log.clientHeight <= 1",
        )
    }

    /// What the button that leads to the newest message says; nothing when there is none.
    #[track_caller]
    pub fn jump(&self) -> String {
        self.0.eval("return document.querySelector('.jump')?.textContent.trim() ?? ''")
    }

    /// Goes to the newest message.
    #[track_caller]
    pub fn jump_to_latest(&self) {
        self.0.click(".jump");
    }

    /// Who is typing.
    #[track_caller]
    pub fn typing(&self) -> String {
        self.0.eval("return document.querySelector('.typing')?.textContent ?? ''")
    }

    /// The names of the buttons for a message, which come when the pointer is on it.
    #[track_caller]
    pub fn buttons_of(&self, text: &str) -> Vec<String> {
        self.point_at(text);
        self.toolbar()
    }

    /// The names of the buttons that are there for the message under the pointer.
    #[track_caller]
    pub fn toolbar(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('.toolbar button')].map(button => button.getAttribute('aria-label'))",
        )
    }

    /// Presses a button of a message.
    #[track_caller]
    pub fn press_on(&self, text: &str, button: &str) {
        self.point_at(text);
        self.0.click(format!(".toolbar button[aria-label='{button}']").as_str());
    }

    /// Moves the pointer to a message.
    #[track_caller]
    pub fn point_at(&self, text: &str) {
        self.0.hover((".log li.message .text", text));
        let pointed_at = "return document.querySelector('li.message:hover .text')?.textContent ?? ''";
        eventually(|| self.0.eval::<String>(pointed_at), text);
        // What the pointer changes is drawn.
        self.0.let_it_paint();
    }

    /// How high each message's text is.
    #[track_caller]
    pub fn heights(&self) -> Vec<f64> {
        self.0.eval("return [...document.querySelectorAll('.log .text')].map(text => text.offsetHeight)")
    }

    /// Writes into the field that a message's text has turned into.
    #[track_caller]
    pub fn rewrite_message(&self, text: &str) {
        self.0.rewrite(".editor textarea", text);
        self.0.click(".editor [type=submit]");
    }

    /// Gives the edit up.
    #[track_caller]
    pub fn cancel_edit(&self) {
        self.0.click((".editor button", "Cancel"));
    }

    /// Whether a message is being edited.
    #[track_caller]
    pub fn is_editing(&self) -> bool {
        self.0.eval("return !!document.querySelector('.editor')")
    }

    /// What is wrong with the edit.
    #[track_caller]
    pub fn edit_error(&self) -> String {
        self.0.eval("return document.querySelector('.editor .field-error')?.textContent ?? ''")
    }

    /// Whether a name is asked for beside the message.
    #[track_caller]
    pub fn asks_for_name(&self) -> bool {
        self.0.eval("return !!document.querySelector('#composer-name')")
    }

    /// Gives a name.
    #[track_caller]
    pub fn give_name(&self, name: &str) {
        self.0.rewrite("#composer-name", name);
    }

    /// What is wrong with the name.
    #[track_caller]
    pub fn name_error(&self) -> String {
        self.0.eval("return document.querySelector('#composer-name-error')?.textContent ?? ''")
    }

    /// Types into the composer.
    #[track_caller]
    pub fn write(&self, text: &str) {
        self.0.write("#composer", text);
    }

    /// Types into the composer in the place of what is there.
    #[track_caller]
    pub fn rewrite(&self, text: &str) {
        self.0.rewrite("#composer", text);
    }

    /// Types a message and sends it by Enter.
    #[track_caller]
    pub fn say(&self, text: &str) {
        self.rewrite(&format!("{text}{ENTER}"));
    }

    /// Presses "Retry" or "Discard" beside a message that was refused.
    #[track_caller]
    pub fn press_beside_failure(&self, button: &str) {
        self.0.click((".failure button", button));
    }

    /// Types this into the composer key by key, and returns how often that wrote into the browser's storage.
    #[track_caller]
    pub fn writes_while_typing(&self, text: &str) -> u32 {
        self.0.eval_async(&format!(
            "const done = arguments[arguments.length - 1], field = document.querySelector('#composer');
            const setItem = Storage.prototype.setItem;
            let count = 0;
            Storage.prototype.setItem = function (...given) {{ count += 1; return setItem.apply(this, given) }};
            (async () => {{
                for (const key of {}) {{
                    field.value += key;
                    field.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));
                    await new Promise(resolve => setTimeout(resolve));
                }}
                Storage.prototype.setItem = setItem;
                done(count);
            }})()",
            json!(text)
        ))
    }

    /// Presses "Send".
    #[track_caller]
    pub fn send(&self) {
        self.0.click("button[aria-label=Send]");
    }

    /// Whether "Send" can be pressed.
    #[track_caller]
    pub fn can_send(&self) -> bool {
        self.0.eval("return document.querySelector('button[aria-label=Send]').matches(':enabled')")
    }

    /// What stands in the composer.
    #[track_caller]
    pub fn draft(&self) -> String {
        self.0.eval("return document.querySelector('#composer')?.value ?? ''")
    }

    /// What is wrong with it.
    #[track_caller]
    pub fn draft_error(&self) -> String {
        self.0.eval("return document.querySelector('#composer-error')?.textContent ?? ''")
    }

    /// The counter of its characters.
    #[track_caller]
    pub fn counter(&self) -> String {
        self.0.eval("return document.querySelector('.counter')?.textContent ?? ''")
    }

    /// Whether all of the composer is on the screen.
    #[track_caller]
    pub fn composer_is_on_screen(&self) -> bool {
        self.0.eval(
            "const place = document.querySelector('#composer').getBoundingClientRect();
            return place.height > 0 && place.top >= 0 && place.bottom <= innerHeight && place.right <= innerWidth",
        )
    }

    /// The names of the buttons in the header.
    #[track_caller]
    pub fn header_buttons(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('.room-header button[aria-label]')]
                .filter(button => button.checkVisibility({ visibilityProperty: true }))
                .map(button => button.getAttribute('aria-label'))",
        )
    }

    /// Presses a button of the header.
    #[track_caller]
    pub fn press(&self, button: &str) {
        self.0.click(format!(".room-header button[aria-label='{button}']").as_str());
    }

    /// The field that the room's name turns into.
    pub fn rename_form(&self) -> RoomForm<'a> {
        RoomForm { chrome: self.0, field: "#room-name" }
    }

    /// Whether the name has turned into a field.
    #[track_caller]
    pub fn is_renaming(&self) -> bool {
        self.0.eval("return !!document.querySelector('#room-name')")
    }
}
