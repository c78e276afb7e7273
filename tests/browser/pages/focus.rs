//! What has the focus, what is announced, and whether somebody looks.

use serde_json::json;

use super::{Person, RoomPage};

impl Person<'_> {
    /// What has the focus: the kind of element, and its name or id. "body" is the page as a whole.
    #[track_caller]
    pub fn focused(&self) -> String {
        self.chrome.eval(
            "const focused = document.activeElement;
            const row = focused.closest('li.message');
            const name = focused.matches('button, a') && (focused.getAttribute('aria-label') ?? focused.textContent);
            const kind = focused === row ? 'message' : focused.localName;
            const what = focused === row ? row.querySelector('.text')?.textContent : name || focused.id || focused.className;
            return `${kind} ${what}`.trim()",
        )
    }

    /// What stands in the field that has the focus.
    #[track_caller]
    pub fn typed(&self) -> String {
        self.chrome.eval("return document.activeElement.value ?? ''")
    }

    /// Turns to another window: the page stays visible, but has not the focus.
    #[track_caller]
    pub fn look_away(&self) {
        self.chrome.eval::<()>("document.hasFocus = () => false; window.dispatchEvent(new Event('blur'))");
    }

    /// Comes back from there.
    #[track_caller]
    pub fn look_back(&self) {
        self.chrome.eval::<()>("document.hasFocus = () => true; window.dispatchEvent(new Event('focus'))");
    }

    /// Lets the pages' clock be set.
    #[track_caller]
    pub fn own_a_clock(&self) {
        self.chrome
            .prepare_pages("const now = Date.now; window.ahead = 0; Date.now = () => now() + window.ahead");
    }

    /// Puts the clock so many days forward.
    #[track_caller]
    pub fn go_forward(&self, days: u32) {
        self.chrome.eval_with::<()>("window.ahead = arguments[0] * 24 * 3600 * 1000", json!(days));
    }

    /// What a screen reader has been told of new messages.
    #[track_caller]
    pub fn announced(&self) -> Vec<String> {
        self.chrome.eval(
            "return [...document.querySelectorAll('#news[aria-live=polite] p')].map(line => line.textContent)",
        )
    }

    /// The parts of the page whose changes are read aloud, apart from errors and notices.
    #[track_caller]
    pub fn live_regions(&self) -> Vec<String> {
        self.chrome.eval(
            "const live = '[aria-live]:not([aria-live=off]), [role=status], [role=log]:not([aria-live=off])';
            return [...document.querySelectorAll(live)].map(region => region.id || region.className)",
        )
    }

    /// Composes text with an input method and confirms it by Enter, in both ways that browsers report it. Returns
    /// whether the page took the key for itself.
    #[track_caller]
    pub fn confirms_composition(&self) -> bool {
        self.chrome.eval(
            "const press = given => document.activeElement.dispatchEvent(
                new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...given }));
            return !press({ isComposing: true }) || !press({ keyCode: 229 })",
        )
    }

    /// Has a browser without a clipboard for pages, as on plain http. `copies` is whether the old way works.
    #[track_caller]
    pub fn have_no_clipboard(&self, copies: bool) {
        self.chrome.prepare_pages(&format!(
            "Object.defineProperty(navigator, 'clipboard', {{ value: undefined, configurable: true }});
            window.copied = window.prompted = '';
            document.execCommand = () => {{ window.copied = getSelection().toString() || document.activeElement.value; return {copies} }};
            window.prompt = (_, link) => {{ window.prompted = link; return null }}",
        ));
    }

    /// Has a browser that refuses its clipboard.
    #[track_caller]
    pub fn have_a_closed_clipboard(&self) {
        self.chrome.prepare_pages(
            "Clipboard.prototype.writeText = () => Promise.reject(new Error('no'));
            window.prompt = (_, link) => { window.prompted = link; return null }",
        );
    }

    /// What was copied in the old way, and which link was shown to be copied by hand.
    #[track_caller]
    pub fn copied(&self) -> (String, String) {
        self.chrome.eval("return [window.copied ?? '', window.prompted ?? '']")
    }

    /// Whether the sign beside the banner's words moves.
    #[track_caller]
    pub fn spinner_turns(&self) -> bool {
        self.chrome.eval(
            "const moves = animation => animation.playState === 'running';
            return document.querySelector('.spinner').getAnimations().some(moves)",
        )
    }
}

impl RoomPage<'_> {
    /// What screen readers call the messages.
    #[track_caller]
    pub fn row_names(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('.log li.message')].map(row => row.getAttribute('aria-label'))",
        )
    }

    /// The links in the messages: text, target, and what the browser is told about them.
    #[track_caller]
    pub fn links(&self) -> Vec<[String; 4]> {
        self.0.eval(
            "return [...document.querySelectorAll('.log .text a')]
                .map(link => [link.textContent, link.getAttribute('href'), link.target, link.rel])",
        )
    }

    /// When the active message was written and edited, in words, if that can be seen.
    #[track_caller]
    pub fn times_of_active(&self) -> String {
        self.0.eval(
            "const times = document.querySelector('.toolbar-time');
            return times?.checkVisibility() ? times.textContent : ''",
        )
    }

    /// What the touch keyboard's key says.
    #[track_caller]
    pub fn enter_key(&self) -> String {
        self.0.eval("return document.querySelector('#composer').enterKeyHint")
    }

    /// Whether the people can be seen.
    #[track_caller]
    pub fn people_are_shown(&self) -> bool {
        self.0.eval("return document.querySelector('.person').checkVisibility({ visibilityProperty: true })")
    }
}
