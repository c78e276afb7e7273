//! The browser's APIs besides the DOM: clock, randomness, storage, locks, clipboard.
//!
//! The browser may refuse any of them (private windows, policies). Then they do nothing.

pub mod locks;
pub mod notices;
pub mod pictures;
mod storage;
pub mod typing;

pub use storage::{
    MEMBER, flush, flush_when_leaving, forget_person, forget_soon, guest_name, is_member, keep, keys, load,
    names_under, save, save_soon, stored,
};

use std::cell::{OnceCell, RefCell};
use std::pin::pin;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use leptos::prelude::set_timeout;
use shared::ids::{AttachmentId, MessageId};
use shared::timestamp::Timestamp;
use uuid::Uuid;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlElement;

use crate::state::days::{LastDay, LocalDay};

/// The media query of screens that the sidebar covers.
pub const NARROW: &str = "(width < 700px)";

/// So many announced lines stay.
const ANNOUNCED_LINES: u32 = 5;

/// Milliseconds since the Unix epoch.
#[allow(clippy::cast_possible_truncation)] // Far below 2^53.
pub fn now() -> i64 {
    Date::now() as i64
}

/// The current time in the format of the API.
pub fn timestamp() -> Option<Timestamp> {
    Timestamp::from_unix_millis(now())
}

/// A number in 0..1.
pub fn random() -> f64 {
    js_sys::Math::random()
}

/// A new id for a message.
pub fn new_message_id() -> MessageId {
    MessageId(new_id())
}

/// A new id for a file.
pub fn new_attachment_id() -> AttachmentId {
    AttachmentId(new_id())
}

fn new_id() -> Uuid {
    let mut random = [0u8; 10];
    let filled = web_sys::window()
        .and_then(|window| window.crypto().ok())
        .is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut random).is_ok());
    if !filled {
        for byte in &mut random {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0..256.
            let drawn = (js_sys::Math::random() * 256.0) as u8;
            *byte = drawn;
        }
    }
    MessageId::from_unix_millis(u64::try_from(now()).unwrap_or(0), random).0
}

/// The number of the day at that time, in the user's time zone.
pub fn local_day(unix_millis: i64) -> i64 {
    thread_local! {
        static LAST: RefCell<LastDay> = RefCell::new(LastDay::default());
    }
    LAST.with_borrow_mut(|last| last.number(unix_millis, find_local_day))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_possible_wrap)] // Below 2^53.
fn find_local_day(unix_millis: i64) -> LocalDay {
    let date = Date::new(&JsValue::from_f64(unix_millis as f64));
    let (year, month, day) = (date.get_full_year(), date.get_month() as i32, date.get_date() as i32);
    let begin = |day| Date::new_with_year_month_day(year, month, day).get_time() as i64;
    let offset = date.get_timezone_offset() as i64 * 60_000;
    let number = (unix_millis - offset).div_euclid(24 * 60 * 60 * 1_000);
    LocalDay { number, begin: begin(day), end: begin(day + 1) }
}

/// How a time is written.
#[derive(Clone, Copy)]
pub enum TimeStyle {
    /// 09:14
    Clock,
    /// Monday, 3 November
    Day,
    /// Monday, 3 November 2025
    DayOfYear,
    /// 3 November 2026 at 09:14:05
    Full,
}

/// A time in the user's time zone and language.
pub fn time_text(unix_millis: i64, style: TimeStyle) -> String {
    thread_local! {
        static FORMATS: [OnceCell<Function>; 4] = const { [const { OnceCell::new() }; 4] };
    }
    FORMATS.with(|formats| {
        let format = formats[style as usize].get_or_init(|| {
            let options = Object::new();
            let fields: &[(&str, &str)] = match style {
                TimeStyle::Clock => &[("timeStyle", "short")],
                TimeStyle::Day => &[("weekday", "long"), ("day", "numeric"), ("month", "long")],
                TimeStyle::DayOfYear => {
                    &[("weekday", "long"), ("day", "numeric"), ("month", "long"), ("year", "numeric")]
                }
                TimeStyle::Full => &[("dateStyle", "long"), ("timeStyle", "medium")],
            };
            for (name, value) in fields {
                // Setting a field of a fresh object cannot fail.
                let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
            }
            Intl::DateTimeFormat::new(&Array::new(), &options).format()
        });
        #[allow(clippy::cast_precision_loss)] // Below 2^53.
        let time = JsValue::from_f64(unix_millis as f64);
        format.call1(&JsValue::UNDEFINED, &time).ok().and_then(|text| text.as_string()).unwrap_or_default()
    })
}

/// A day's name: "Today", "Yesterday", or its date, with the year if that is not today's. `today` is a local day.
pub fn day_text(unix_millis: i64, today: i64) -> String {
    let day = local_day(unix_millis);
    match today - day {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        _ if year(day) == year(today) => time_text(unix_millis, TimeStyle::Day),
        _ => time_text(unix_millis, TimeStyle::DayOfYear),
    }
}

/// The year of a local day.
#[allow(clippy::cast_precision_loss)] // Below 2^53.
fn year(day: i64) -> u32 {
    Date::new(&JsValue::from_f64((day * 24 * 60 * 60 * 1_000) as f64)).get_utc_full_year()
}

/// Whether the server redirected the browser to this page.
pub fn was_redirected() -> bool {
    let entries = web_sys::window()
        .and_then(|window| window.performance())
        .map(|performance| performance.get_entries_by_type("navigation"));
    let count =
        entries.and_then(|entries| Reflect::get(&entries.get(0), &JsValue::from_str("redirectCount")).ok());
    count.and_then(|count| count.as_f64()).is_some_and(|count| count > 0.0)
}

/// Copies text. Returns whether it was copied.
pub async fn copy(text: &str) -> bool {
    // Outside of secure contexts there is no clipboard.
    let clipboard = web_sys::window()
        .and_then(|window| Reflect::get(&window.navigator(), &JsValue::from_str("clipboard")).ok())
        .and_then(|clipboard| clipboard.dyn_into::<web_sys::Clipboard>().ok());
    match clipboard {
        Some(clipboard) => JsFuture::from(clipboard.write_text(text)).await.is_ok(),
        None => copy_selected(text).unwrap_or(false),
    }
}

/// The height of the window, in pixels.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Pixels.
pub fn window_height() -> usize {
    let height = web_sys::window().and_then(|window| window.inner_height().ok()?.as_f64());
    height.unwrap_or(0.0) as usize
}

/// Copies text in the way of old browsers: what is selected in a field.
fn copy_selected(text: &str) -> Option<bool> {
    let page = document().dyn_into::<web_sys::HtmlDocument>().ok()?;
    let focused = page.active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    let field = page.create_element("textarea").ok()?.dyn_into::<web_sys::HtmlTextAreaElement>().ok()?;
    field.set_class_name("sr-only");
    field.set_value(text);
    page.body()?.append_child(&field).ok()?;
    focus_quietly(&field);
    field.select();
    let copied = page.exec_command("copy").unwrap_or(false);
    field.remove();
    if let Some(focused) = focused {
        focus_quietly(&focused);
    }
    Some(copied)
}

/// Whether the page is visible.
pub fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Whether the user looks at the page: it is visible, and its window has the focus.
pub fn is_attentive() -> bool {
    is_visible() && document().has_focus().unwrap_or(true)
}

/// Whether the main pointer is a finger.
pub fn is_touch() -> bool {
    matches("(pointer: coarse)")
}

/// Whether a media query holds.
pub fn matches(query: &str) -> bool {
    let list = web_sys::window().and_then(|window| window.match_media(query).ok().flatten());
    list.is_some_and(|list| list.matches())
}

/// Text in lower case, by the browser. Rust's case tables would make the client larger.
pub fn lower_case(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

/// The page.
pub fn document() -> web_sys::Document {
    leptos::prelude::document()
}

/// Waits.
pub async fn pause(duration: Duration) {
    let (end, over) = oneshot::channel::<()>();
    set_timeout(move || drop(end), duration);
    // The end of the channel is what it waits for.
    let _ = over.await;
}

/// Waits for the result of `work`; `None` if it takes longer than `patience`.
pub async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(pause(patience))).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}

/// Lets screen readers say a line, or takes all lines away. A few lines stay, because several may wait to be said.
pub fn announce(line: Option<&str>) {
    let Some(region) = find("#news") else { return };
    match (line, document().create_element("p")) {
        (Some(text), Ok(line)) => {
            line.set_text_content(Some(text));
            // Only fails for elements of other trees.
            let _ = region.append_child(&line);
            if region.child_element_count() > ANNOUNCED_LINES
                && let Some(oldest) = region.first_element_child()
            {
                oldest.remove();
            }
        }
        _ => region.set_text_content(None),
    }
}

/// The first element that matches.
pub fn find(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}

/// Moves the focus to the first element that matches.
pub fn focus(selector: &str) {
    if let Some(element) = find(selector) {
        // Focusing a hidden element does nothing.
        let _ = element.focus();
    }
}

/// Moves the focus without scrolling.
pub fn focus_quietly(element: &HtmlElement) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    // Focusing a hidden element does nothing.
    let _ = element.focus_with_options(&options);
}
