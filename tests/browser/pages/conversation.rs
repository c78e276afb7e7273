//! What surrounds the text of messages: formatting, reactions, replies, threads.

use serde_json::json;

use super::RoomPage;
use crate::wait::eventually;

impl RoomPage<'_> {
    /// The text between the elements of that selector.
    #[track_caller]
    pub fn words(&self, selector: &str) -> Vec<String> {
        self.0.eval_with(
            "return [...document.querySelectorAll(arguments[0])].map(element => element.innerText.trim())",
            json!(selector),
        )
    }

    /// Presses what this selector finds.
    #[track_caller]
    pub fn press_what(&self, selector: &str) {
        self.0.click(selector);
    }

    /// The reactions below the messages: emoji, count, and whether one reacted so.
    #[track_caller]
    pub fn reactions(&self) -> Vec<(String, u32, bool)> {
        self.0.eval(
            "return [...document.querySelectorAll('.chip')].map(chip => [
                chip.querySelector('.emoji').textContent,
                Number(chip.querySelector('.chip-count').textContent),
                chip.getAttribute('aria-pressed') === 'true',
            ])",
        )
    }

    /// Presses a reaction.
    #[track_caller]
    pub fn toggle_reaction(&self, emoji: &str) {
        self.0.click((".chip .emoji", emoji));
    }

    /// The name of the reaction under the pointer.
    #[track_caller]
    pub fn who_reacted(&self) -> String {
        self.0.hover(".chip");
        self.0.eval("return document.querySelector('.chip').getAttribute('aria-label')")
    }

    /// Chooses an emoji at hand for a message.
    #[track_caller]
    pub fn react_quickly(&self, text: &str, emoji: &str) {
        self.press_on(text, "Add reaction");
        eventually(
            || self.0.eval::<bool>("return !!document.querySelector('dialog[open] .emoji-quick')"),
            true,
        );
        self.0.click((".emoji-quick", emoji));
    }

    /// Finds an emoji for a message by its name.
    #[track_caller]
    pub fn react_by_name(&self, text: &str, name: &str) {
        self.press_on(text, "Add reaction");
        let all = "return document.querySelectorAll('.emoji-list [role=option]').length";
        eventually(|| self.0.eval::<u32>(all) > 1_000, true);
        self.0.write("dialog[open] input", name);
        eventually(|| self.0.eval::<u32>(all) < 100, true);
        self.0.write("dialog[open] input", super::ENTER);
    }

    /// The quotes above messages.
    #[track_caller]
    pub fn quotes(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('#main .quote')].map(quote =>
                `${quote.children[1].textContent}: ${quote.children[2].textContent}`)",
        )
    }

    /// What is answered with the next message; nothing when nothing is.
    #[track_caller]
    pub fn answered(&self) -> String {
        self.0.eval("return document.querySelector('.reply-bar p')?.textContent ?? ''")
    }

    /// The texts of the open thread.
    #[track_caller]
    pub fn thread(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('#thread .message .text')].map(text => text.textContent)",
        )
    }

    /// The texts of the room beside it.
    #[track_caller]
    pub fn main_texts(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('#main .message .text')].map(text => text.textContent)",
        )
    }

    /// Types a reply into the open thread.
    #[track_caller]
    pub fn say_in_thread(&self, text: &str) {
        self.0.rewrite("#thread-composer", &format!("{text}{}", super::ENTER));
    }
}
