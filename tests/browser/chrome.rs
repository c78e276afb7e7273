//! A Chrome of one's own, asked and driven step by step; it is gone, with all its processes, when the test is over.

pub mod input_method;
mod processes;
pub mod screen;

use std::future::Future;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::temp_dir::TempDir;
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;
use tokio::runtime::Runtime;

use crate::chrome::processes::Processes;
use crate::chrome::screen::Screen;
use crate::wait::eventually_where;

/// Chrome as a person's browser, but quiet towards the outside and able to run as root.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-crash-reporter",
    "--no-first-run",
    "--no-default-browser-check",
    "--lang=en-GB",
];

/// A browser with a fresh profile.
pub struct Chrome {
    driver: Option<WebDriver>,
    // Before the profile: nobody writes into it any more when it goes.
    _processes: Processes,
    _profile: TempDir,
}

impl Chrome {
    /// Starts it.
    pub fn start() -> Self {
        let profile = TempDir::new();
        let processes = Processes::start(&profile);
        let mut wanted = DesiredCapabilities::chrome();
        let prepared = ARGUMENTS
            .iter()
            .map(|argument| (*argument).to_owned())
            .chain([format!("--user-data-dir={}", profile.path().display())])
            .try_for_each(|argument| wanted.add_arg(&argument))
            .and_then(|()| wanted.set_browser_log_level(LoggingPrefsLogLevel::All));
        prepared.expect("the arguments are plain text");
        let address = format!("http://127.0.0.1:{}", processes.port);
        let driver = wait(WebDriver::new(address, wanted)).expect("Chrome starts");
        let chrome = Self { driver: Some(driver), _processes: processes, _profile: profile };
        chrome.prepare_tab();
        chrome
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("only Drop takes the driver")
    }

    /// Opens an address.
    #[track_caller]
    pub fn open(&self, url: &str) {
        wait(self.driver().goto(url)).expect("the page loads");
    }

    /// Loads the page anew.
    #[track_caller]
    pub fn reload(&self) {
        wait(self.driver().refresh()).expect("the page loads again");
    }

    /// The browser's "back".
    #[track_caller]
    pub fn back(&self) {
        wait(self.driver().back()).expect("there is a page to go back to");
    }

    /// The browser's "forward".
    #[track_caller]
    pub fn forward(&self) {
        wait(self.driver().forward()).expect("there is a page to go forward to");
    }

    /// Opens a second tab and goes on in it. Returns the first one.
    #[track_caller]
    pub fn open_tab(&self) -> WindowHandle {
        let opened = wait(async {
            let first = self.driver().window().await?;
            let second = self.driver().new_tab().await?;
            self.driver().switch_to_window(second).await?;
            Ok::<_, WebDriverError>(first)
        });
        let first = opened.expect("a tab");
        self.prepare_tab();
        first
    }

    /// Each tab has a screen of its own, and notes which toasts its pages showed.
    fn prepare_tab(&self) {
        self.show_on(Screen::WIDE);
        self.prepare_pages(
            "window.toasts = [];
            const noted = new WeakSet();
            const note = () => {
                for (const toast of document.querySelectorAll('.toast[role=alert]')) {
                    if (!toast.textContent || noted.has(toast)) continue;
                    noted.add(toast);
                    window.toasts.push(toast.textContent);
                }
            };
            new MutationObserver(note).observe(document, { childList: true, characterData: true, subtree: true });",
        );
    }

    /// Goes on in another tab. Returns the present one.
    #[track_caller]
    pub fn go_to_tab(&self, other: &WindowHandle) -> WindowHandle {
        let switched = wait(async {
            let present = self.driver().window().await?;
            self.driver().switch_to_window(other.clone()).await?;
            Ok::<_, WebDriverError>(present)
        });
        switched.expect("the other tab is there")
    }

    /// Closes the tab and goes on in another.
    #[track_caller]
    pub fn close_tab(&self, other: &WindowHandle) {
        let closed = wait(async {
            self.driver().close_window().await?;
            self.driver().switch_to_window(other.clone()).await
        });
        closed.expect("the other tab is there");
    }

    /// Clears cookies and everything that pages have stored.
    #[track_caller]
    pub fn forget_everything(&self) {
        self.eval::<()>("localStorage.clear()");
        self.cdp("Network.clearBrowserCookies", json!({}));
    }

    /// What the script returns. It finds `given` as `arguments[0]`.
    #[track_caller]
    pub fn eval_with<T: DeserializeOwned>(&self, script: &str, given: Value) -> T {
        let answer = wait(self.driver().execute(script, vec![given]));
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{script}"));
        answer.convert().unwrap_or_else(|error| panic!("{error}\n{script}"))
    }

    /// What the script returns.
    #[track_caller]
    pub fn eval<T: DeserializeOwned>(&self, script: &str) -> T {
        self.eval_with(script, Value::Null)
    }

    /// What the script gives to its callback, the last of its arguments.
    #[track_caller]
    pub fn eval_async<T: DeserializeOwned>(&self, script: &str) -> T {
        self.eval_async_with(script, Value::Null)
    }

    /// The same for a script that finds `given` as `arguments[0]`.
    #[track_caller]
    pub fn eval_async_with<T: DeserializeOwned>(&self, script: &str, given: Value) -> T {
        let answer = wait(self.driver().execute_async(script, vec![given]));
        answer.and_then(|answer| answer.convert()).unwrap_or_else(|error| panic!("{error}\n{script}"))
    }

    /// What the script returns when the next frame is laid out and about to be painted. Between two frames a page may
    /// have changed without its observers having run; nobody sees that, so nothing is measured then. The script finds
    /// `given` as `given`.
    #[track_caller]
    pub fn eval_as_painted<T: DeserializeOwned>(&self, script: &str, given: Value) -> T {
        // An observer's first call comes with the next frame, after those of the observers that the page has created.
        let script = format!(
            "const [given, done] = arguments;
            const observer = new ResizeObserver(() => {{
                observer.disconnect();
                done((() => {{ {script} }})());
            }});
            observer.observe(document.documentElement);"
        );
        let answer = wait(self.driver().execute_async(&script, vec![given]));
        answer.and_then(|answer| answer.convert()).unwrap_or_else(|error| panic!("{error}\n{script}"))
    }

    /// Does something to the first element that fits, as soon as that is possible: the page may be between two states,
    /// or the element still on its way to its place.
    #[track_caller]
    fn with(&self, target: &Target<'_>, act: impl AsyncFn(WebElement) -> WebDriverResult<()>) {
        let attempt = || {
            let done = wait(async {
                let found = self.driver().execute(FIND, vec![json!(target.css), json!(target.text)]);
                act(found.await?.element()?).await
            });
            done.map_err(|error| format!("{target:?} in {}: {error}", self.address()))
        };
        eventually_where(attempt, "it done", Result::is_ok).expect("as was waited for");
    }

    /// Clicks.
    #[track_caller]
    pub fn click<'a>(&self, target: impl Into<Target<'a>>) {
        self.with(&target.into(), async |element| element.click().await);
    }

    /// Moves the pointer there.
    #[track_caller]
    pub fn hover<'a>(&self, target: impl Into<Target<'a>>) {
        self.with(&target.into(), async |element| {
            self.driver().action_chain().move_to_element_center(&element).perform().await
        });
    }

    /// Types into a field, behind what is there.
    #[track_caller]
    pub fn write<'a>(&self, target: impl Into<Target<'a>>, text: &str) {
        self.with(&target.into(), async |element| {
            element.click().await?;
            element.send_keys(text).await
        });
    }

    /// Types into a field in the place of what is there.
    #[track_caller]
    pub fn rewrite<'a>(&self, target: impl Into<Target<'a>>, text: &str) {
        self.with(&target.into(), async |element| {
            element.click().await?;
            element.send_keys(Key::Control + "a").await?;
            element.send_keys(Key::Delete + text).await
        });
    }

    /// Presses a key, wherever the focus is.
    #[track_caller]
    pub fn press(&self, key: Key) {
        wait(self.driver().action_chain().send_keys(TypingData::from(key)).perform())
            .expect("keys can always be pressed");
    }

    /// Presses Control and a letter.
    #[track_caller]
    pub fn press_with_control(&self, letter: char) {
        self.press_with(Key::Control, letter);
    }

    /// Presses a key while another is held.
    #[track_caller]
    pub fn press_with(&self, held: Key, key: impl Into<char>) {
        let keys = self.driver().action_chain().key_down(held.clone()).send_keys(key.into().to_string());
        wait(keys.key_up(held).perform()).expect("keys can always be pressed");
    }

    /// Types, wherever the focus is.
    #[track_caller]
    pub fn type_text(&self, text: &str) {
        wait(self.driver().action_chain().send_keys(text).perform()).expect("keys can always be pressed");
    }

    /// Presses the pointer on an element and lets it go at the upper left corner of the page.
    #[track_caller]
    pub fn drag_to_corner<'a>(&self, target: impl Into<Target<'a>>) {
        self.with(&target.into(), async |element| {
            let chain = self.driver().action_chain();
            chain.click_and_hold_element(&element).move_to(3, 3).release().perform().await
        });
    }

    /// Presses the pointer on an element, moves it to the right by so many pixels, and lets it go.
    #[track_caller]
    pub fn drag_right<'a>(&self, target: impl Into<Target<'a>>, pixels: i64) {
        self.with(&target.into(), async |element| {
            let chain = self.driver().action_chain();
            chain.click_and_hold_element(&element).move_by_offset(pixels, 0).release().perform().await
        });
    }

    /// Clicks at the upper left corner of the page.
    #[track_caller]
    pub fn click_corner(&self) {
        wait(self.driver().action_chain().move_to(3, 3).click().perform()).expect("there is a corner");
    }

    /// The address, without the server.
    #[track_caller]
    pub fn address(&self) -> String {
        self.eval("return location.pathname")
    }

    /// Shows pages on another screen.
    #[track_caller]
    pub fn show_on(&self, screen: Screen) {
        let Screen { width, height, is_phone, is_dark } = screen;
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone }),
        );
        self.cdp("Emulation.setTouchEmulationEnabled", json!({ "enabled": is_phone }));
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            // Nothing is half-way when it is looked at.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Waits until what was changed is drawn.
    #[track_caller]
    pub fn let_it_paint(&self) {
        self.eval_async::<()>(
            "const done = arguments[arguments.length - 1];
            requestAnimationFrame(() => requestAnimationFrame(() => done(null)))",
        );
    }

    /// Moves the browser into another zone of time, among people who count to 24.
    #[track_caller]
    pub fn live_in(&self, zone: &str) {
        self.cdp("Emulation.setTimezoneOverride", json!({ "timezoneId": zone }));
        self.cdp("Emulation.setLocaleOverride", json!({ "locale": "en-GB" }));
    }

    /// Sets a cookie for the pages at this address, out of reach for scripts.
    #[track_caller]
    pub fn set_cookie(&self, url: &str, name: &str, value: &str) {
        self.cdp("Network.setCookie", json!({ "url": url, "name": name, "value": value, "httpOnly": true }));
    }

    /// Downloads go into this folder.
    #[track_caller]
    pub fn download_to(&self, folder: &Path) {
        let folder = folder.to_string_lossy();
        self.cdp("Browser.setDownloadBehavior", json!({ "behavior": "allow", "downloadPath": folder }));
    }

    /// Runs a script in every page before the page's own.
    #[track_caller]
    pub fn prepare_pages(&self, script: &str) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }

    #[track_caller]
    fn cdp(&self, method: &str, parameters: Value) {
        wait(self.driver().cdp().send_raw(method, parameters)).expect("Chrome knows its own protocol");
    }

    /// A picture of the page.
    #[track_caller]
    pub fn picture(&self) -> Vec<u8> {
        wait(self.driver().screenshot_as_png()).expect("a picture")
    }

    /// What the browser has complained about since it was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let log = wait(self.driver().browser_log()).expect("the log");
        let serious = log.into_iter().filter(|entry| {
            // Trunk writes hashes beside preloads, which Chrome finds superfluous.
            !["INFO", "DEBUG"].contains(&entry.level.as_str())
                && !entry.message.contains("`integrity` attribute")
        });
        serious.map(|entry| format!("{} {}", entry.source.unwrap_or_default(), entry.message)).collect()
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            // Chrome ends in order when it is asked to; what does not is killed.
            let _ = wait(async { tokio::time::timeout(Duration::from_secs(5), driver.quit()).await });
        }
    }
}

/// An element: the first visible one that fits a selector and has a text.
#[derive(Debug)]
pub struct Target<'a> {
    css: &'a str,
    text: Option<&'a str>,
}

impl<'a> From<&'a str> for Target<'a> {
    fn from(css: &'a str) -> Self {
        Self { css, text: None }
    }
}

impl<'a> From<(&'a str, &'a str)> for Target<'a> {
    fn from((css, text): (&'a str, &'a str)) -> Self {
        Self { css, text: Some(text) }
    }
}

const FIND: &str = "const [css, text] = arguments;
    return [...document.querySelectorAll(css)].find(element =>
        element.checkVisibility({ visibilityProperty: true }) && (text === null || element.textContent.trim() === text))";

/// Waits for what the driver is asked to do.
fn wait<T>(task: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // Without one, the client refuses to start, though it speaks to the driver without TLS. Only refused if there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime")
    });
    runtime.block_on(task)
}
