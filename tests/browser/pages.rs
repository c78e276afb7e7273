//! The client's pages as people use them: the only place that knows its markup.
//!
//! A question waits for nothing and answers what is there now; `eventually` waits for the answer that is expected.

use std::thread;

use serde::Deserialize;
use serde_json::json;
use support::client::TestClient;

use crate::chrome::Chrome;
use crate::network::Network;
use crate::wait::eventually;

mod account;
mod avatars;
mod complaints;
mod conversation;
mod files;
mod floating;
mod focus;
mod room;
mod rows;
mod sidebar;

/// The key, as it is typed.
const ENTER: &str = "\u{E007}";

pub use files::TestFile;
pub use floating::{Dialog, Toasts};
pub use room::{LOAD_PREVIOUS, RoomPage, Row};
pub use sidebar::Sidebar;

/// Somebody at their browser. When they leave, the browser must have had nothing to complain about.
pub struct Person<'stage> {
    /// Their browser.
    pub chrome: Chrome,
    network: &'stage Network,
}

impl<'stage> Person<'stage> {
    /// At a browser that has never been here.
    pub fn new(network: &'stage Network) -> Self {
        Self { chrome: Chrome::start(), network }
    }

    /// Goes to an address and waits until the client is there.
    #[track_caller]
    pub fn open(&self, path: &str) {
        self.chrome.open(&self.url(path));
        self.arrive();
    }

    /// Loads the page anew.
    #[track_caller]
    pub fn reload(&self) {
        self.chrome.reload();
        self.arrive();
    }

    /// The client has taken the place of the skeleton, and knows the rooms.
    #[track_caller]
    fn arrive(&self) {
        let arrived = "return !!document.querySelector('#sidebar .rooms-end, #sidebar .sidebar-end button:not(.quiet)')";
        eventually(|| self.chrome.eval::<bool>(arrived), true);
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.network.addr())
    }

    /// Takes on a guest's session, as if the name had been given in this browser.
    #[track_caller]
    pub fn be(&self, guest: &TestClient) {
        let cookie = guest.cookie();
        let (name, value) = cookie.split_once('=').expect("a cookie has a name");
        self.chrome.set_cookie(&self.url("/"), name, value);
        let name = json!(guest.user().username.as_str());
        self.chrome.prepare_pages(&format!("localStorage.setItem('parlance.name', {name})"));
    }

    /// Gives up on requests after less than a second, on all pages from now on.
    #[track_caller]
    pub fn be_impatient(&self) {
        self.chrome.prepare_pages(
            "const timeout = AbortSignal.timeout;
            AbortSignal.timeout = millis => timeout.call(AbortSignal, millis / 20)",
        );
    }

    /// Has given this name before on this browser, but has no session any more.
    #[track_caller]
    pub fn remember_name(&self, name: &str) {
        self.chrome.prepare_pages(&format!("localStorage.setItem('parlance.name', {})", json!(name)));
    }

    /// Ends the session.
    #[track_caller]
    pub fn sign_out(&self) {
        let is_guest = self.called().ends_with("guest");
        self.sidebar().settings();
        if is_guest {
            self.dialog().press("Sign out…");
        }
        self.dialog().press("Sign out");
    }

    /// The names of what the browser keeps for pages.
    #[track_caller]
    pub fn kept(&self) -> Vec<String> {
        self.chrome.eval("return Object.keys(localStorage).sort()")
    }

    /// From now on, notes the sockets that pages open, and how the server refuses on them.
    #[track_caller]
    pub fn note_sockets(&self) {
        self.chrome.prepare_pages(
            "window.sockets = []; window.refusals = []; window.closings = [];
            const hear = ({ type, code }) => { if (type === 'error') window.refusals.push(code) };
            window.WebSocket = class extends WebSocket {
                constructor(...given) {
                    super(...given);
                    window.sockets.push(this);
                    this.addEventListener('message', ({ data }) => hear(JSON.parse(data)));
                    // The client's library reports its own end of a socket as such an event, too.
                    const end = ({ isTrusted, code }) => { if (isTrusted) window.closings.push(code) };
                    this.addEventListener('close', end);
                }
            }",
        );
    }

    /// How many of them have been opened, and how many are open now.
    #[track_caller]
    pub fn sockets(&self) -> (usize, usize) {
        self.chrome.eval(
            "return [window.sockets.length, window.sockets.filter(socket => socket.readyState <= 1).length]",
        )
    }

    /// The codes of the commands that the server has refused on them.
    #[track_caller]
    pub fn refusals(&self) -> Vec<String> {
        self.chrome.eval("return window.refusals")
    }

    /// The codes with which they were closed.
    #[track_caller]
    pub fn closings(&self) -> Vec<u16> {
        self.chrome.eval("return window.closings")
    }

    /// The address, without the server.
    #[track_caller]
    pub fn address(&self) -> String {
        self.chrome.address()
    }

    /// The title of the tab.
    #[track_caller]
    pub fn title(&self) -> String {
        self.chrome.eval("return document.title")
    }

    /// The heading of the page.
    #[track_caller]
    pub fn heading(&self) -> String {
        self.chrome.eval("return document.querySelector('main h1')?.textContent.trim() ?? ''")
    }

    /// Leaves a mark that does not outlive the page.
    #[track_caller]
    pub fn mark_page(&self) {
        self.chrome.eval::<()>("window.mark = true");
    }

    /// Whether this is still the page that was marked.
    #[track_caller]
    pub fn is_on_marked_page(&self) -> bool {
        self.chrome.eval("return window.mark === true")
    }

    /// Lets no frame come until `let_frames_come`, like the browser does for a page that is not visible.
    #[track_caller]
    pub fn hold_frames(&self) {
        self.chrome.eval::<()>(
            "window.heldFrames = { ask: window.requestAnimationFrame, cancel: window.cancelAnimationFrame, runs: new Map() };
            window.requestAnimationFrame = run => {
                heldFrames.runs.set(-1 - heldFrames.runs.size, run);
                return -heldFrames.runs.size;
            };
            window.cancelAnimationFrame = id =>
                heldFrames.runs.has(id) ? heldFrames.runs.set(id, null) : heldFrames.cancel.call(window, id);",
        );
    }

    /// Runs what was to run in the frames that were held.
    #[track_caller]
    pub fn let_frames_come(&self) {
        self.chrome.eval::<()>(
            "window.requestAnimationFrame = heldFrames.ask;
            window.cancelAnimationFrame = heldFrames.cancel;
            [...heldFrames.runs.values()].filter(run => run).forEach(run => requestAnimationFrame(run));",
        );
        self.chrome.let_it_paint();
    }

    /// The list of rooms at the left.
    pub fn sidebar(&self) -> Sidebar<'_> {
        Sidebar(&self.chrome)
    }

    /// The open room.
    pub fn room(&self) -> RoomPage<'_> {
        RoomPage(&self.chrome)
    }

    /// The dialog that lies above the page.
    pub fn dialog(&self) -> Dialog<'_> {
        Dialog(&self.chrome)
    }

    /// The form that makes a room.
    pub fn room_form(&self) -> RoomForm<'_> {
        RoomForm { chrome: &self.chrome, field: "#new-room" }
    }

    /// The notices at the top right.
    pub fn toasts(&self) -> Toasts<'_> {
        Toasts(&self.chrome)
    }

    /// What the banner about the connection says, or nothing.
    #[track_caller]
    pub fn banner(&self) -> String {
        self.chrome.eval("return document.querySelector('.banner > span:not([class])')?.textContent ?? ''")
    }

    /// Presses the banner's button.
    #[track_caller]
    pub fn press_banner(&self, button: &str) {
        self.chrome.click((".banner button", button));
    }

    /// From now on, notes what the banner about the connection says, and when.
    #[track_caller]
    pub fn note_banners(&self) {
        self.chrome.eval::<()>(
            "const start = performance.now();
            window.banners = [];
            new MutationObserver(() => {
                const text = document.querySelector('.banner > span:not([class])')?.textContent;
                if (text && text !== window.banners.at(-1)?.[0]) window.banners.push([text, performance.now() - start]);
            }).observe(document.body, { childList: true, subtree: true })",
        );
    }

    /// What it has said, each with the milliseconds that had passed.
    #[track_caller]
    pub fn banners(&self) -> Vec<(String, f64)> {
        self.chrome.eval("return window.banners")
    }

    /// Whether the thin bar at the top shows that a page is on its way.
    #[track_caller]
    pub fn progress_is_shown(&self) -> bool {
        self.chrome.eval("return getComputedStyle(document.querySelector('.progress')).opacity === '1'")
    }

    /// From now on, notes how long after it the bar was shown.
    #[track_caller]
    pub fn time_the_progress(&self) {
        self.chrome.eval::<()>(
            "const start = performance.now(), bar = document.querySelector('.progress');
            const look = () => {
                if (getComputedStyle(bar).opacity === '1') window.progressAfter = performance.now() - start;
                else requestAnimationFrame(look);
            };
            look()",
        );
    }

    /// After how many milliseconds it was.
    #[track_caller]
    pub fn progress_came_after(&self) -> f64 {
        self.chrome.eval("return window.progressAfter")
    }

    /// Whether the page is dark.
    #[track_caller]
    pub fn is_dark(&self) -> bool {
        let lightness = "const canvas = new OffscreenCanvas(1, 1).getContext('2d');
            canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
            canvas.fillRect(0, 0, 1, 1);
            return canvas.getImageData(0, 0, 1, 1).data[0]";
        self.chrome.eval::<u32>(lightness) < 128
    }

    /// What people read or press and what lies, wholly or partly, beside the screen.
    #[track_caller]
    pub fn things_off_screen(&self) -> Vec<String> {
        self.chrome.eval(
            "return [...document.querySelectorAll('button, a, input, textarea, h1, h2, h3, p, time')]
                .filter(thing => thing.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
                .filter(thing => !thing.matches('.skip-link'))
                .filter(thing => {
                    const { left, right } = thing.getBoundingClientRect();
                    return left < -1 || right > innerWidth + 1
                })
                .map(thing => thing.outerHTML)",
        )
    }

    /// Whether the page, or a part of it, is wider than its place.
    #[track_caller]
    pub fn scrolls_sideways(&self) -> bool {
        self.chrome.eval(
            "const places = document.querySelectorAll('html, main, #sidebar *, .log, dialog[open], dialog[open] *');
            return [...places].some(place => place.scrollWidth > place.clientWidth
                && (place === document.documentElement || ['auto', 'scroll'].includes(getComputedStyle(place).overflowX))
                && place.tagName !== 'TEXTAREA' && place.tagName !== 'INPUT')",
        )
    }

    /// Waits until all pictures of movement are over, so that nothing is half transparent.
    #[track_caller]
    pub fn let_it_settle(&self) {
        let moving = "return document.getAnimations().some(animation =>
            animation.playState === 'running' && animation.effect.getComputedTiming().iterations !== Infinity)";
        eventually(|| self.chrome.eval::<bool>(moving), false);
        self.chrome.let_it_paint();
    }
}

impl Drop for Person<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let cut = self.network.was_cut();
        let complaints = complaints::unexpected(self.chrome.complaints(), cut);
        assert!(complaints.is_empty(), "the browser complained: {complaints:#?}");
    }
}

/// A field for a room's name.
pub struct RoomForm<'a> {
    chrome: &'a Chrome,
    field: &'static str,
}

/// What such a form shows.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct FormState {
    /// What stands beside the field.
    pub error: String,
    /// Whether the field is marked as wrong.
    pub is_invalid: bool,
}

impl RoomForm<'_> {
    /// Types a name in the place of what is there.
    #[track_caller]
    pub fn write(&self, name: &str) {
        self.chrome.rewrite(self.field, name);
    }

    /// Lets only members see the room.
    #[track_caller]
    pub fn make_private(&self) {
        self.chrome.click("dialog[open] .choice:last-child input");
    }

    /// Confirms by Enter.
    #[track_caller]
    pub fn submit(&self) {
        self.chrome.write(self.field, ENTER);
    }

    /// Presses this button of the form.
    #[track_caller]
    pub fn press(&self, button: &str) {
        self.chrome.click((format!("form:has({}) button", self.field).as_str(), button));
    }

    /// What is wrong with the name. The error stands beside the field and is told to screen readers as its own.
    #[track_caller]
    pub fn state(&self) -> FormState {
        self.chrome.eval_with(
            "const field = document.querySelector(arguments[0]);
            const ids = field?.getAttribute('aria-describedby')?.split(' ') ?? [];
            const error = ids.map(id => document.getElementById(id)).find(line => line?.matches('.field-error'));
            const near = error && Math.abs(error.getBoundingClientRect().top - field.getBoundingClientRect().bottom) < 16;
            return {
                error: error?.checkVisibility() && near ? error.textContent : '',
                is_invalid: field?.getAttribute('aria-invalid') === 'true',
            }",
            json!(self.field),
        )
    }

    /// The word on the button that confirms.
    #[track_caller]
    pub fn button(&self) -> String {
        self.chrome.eval_with(
            "return document.querySelector(`form:has(${arguments[0]}) [type=submit]`)?.textContent ?? ''",
            json!(self.field),
        )
    }

    /// What the field holds.
    #[track_caller]
    pub fn value(&self) -> String {
        self.chrome.eval_with("return document.querySelector(arguments[0])?.value ?? ''", json!(self.field))
    }
}
