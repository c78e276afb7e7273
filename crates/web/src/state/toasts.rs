//! Short notices at the top right: at most three, the oldest goes first.
//!
//! Pure; the clock is brought along as milliseconds.

/// How long good news stays.
const STAY_MILLIS: i64 = 5_000;
const MOST: usize = 3;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something went well or happened. Goes by itself.
    Notice,
    /// Something went wrong. Stays until dismissed.
    Error,
}

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Tells it from the others.
    pub id: u32,
    /// What it is about.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    until: i64,
}

/// The notices that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toasts {
    shown: Vec<Toast>,
    last_id: u32,
    held: bool,
}

impl Toasts {
    /// The notices, oldest first.
    pub fn shown(&self) -> &[Toast] {
        &self.shown
    }

    /// Shows a notice.
    pub fn push(&mut self, tone: Tone, text: String, now: i64) {
        self.shown.retain(|toast| toast.text != text);
        self.last_id += 1;
        self.shown.push(Toast { id: self.last_id, tone, text, until: now + STAY_MILLIS });
        if self.shown.len() > MOST {
            self.shown.remove(0);
        }
    }

    /// Takes a notice away.
    pub fn dismiss(&mut self, id: u32) {
        self.shown.retain(|toast| toast.id != id);
        self.held &= !self.shown.is_empty();
    }

    /// While the pointer or the focus is on them, none goes by itself.
    pub fn hold(&mut self, held: bool, now: i64) {
        if self.held && !held {
            for toast in &mut self.shown {
                toast.until = now + STAY_MILLIS;
            }
        }
        self.held = held;
    }

    /// Whether a notice has stayed long enough.
    pub fn is_stale(&self, now: i64) -> bool {
        !self.held && self.shown.iter().any(|toast| toast.is_over(now))
    }

    /// Takes away those that have stayed long enough.
    pub fn expire(&mut self, now: i64) {
        if !self.held {
            self.shown.retain(|toast| !toast.is_over(now));
        }
    }
}

impl Toast {
    fn is_over(&self, now: i64) -> bool {
        self.tone == Tone::Notice && self.until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(toasts: &Toasts) -> Vec<&str> {
        toasts.shown().iter().map(|toast| toast.text.as_str()).collect()
    }

    #[test]
    fn there_are_at_most_three_and_none_twice() {
        let mut toasts = Toasts::default();
        for text in ["a", "b", "c", "b", "d"] {
            toasts.push(Tone::Notice, text.to_owned(), 0);
        }
        assert_eq!(texts(&toasts), ["c", "b", "d"]);
    }

    #[test]
    fn good_news_goes_by_itself_and_an_error_stays() {
        let mut toasts = Toasts::default();
        toasts.push(Tone::Notice, "saved".to_owned(), 0);
        toasts.push(Tone::Error, "failed".to_owned(), 0);
        assert!(toasts.is_stale(5_000));
        toasts.hold(true, 5_000);
        toasts.expire(5_000);
        assert_eq!(texts(&toasts), ["saved", "failed"], "not while the pointer is on it");
        toasts.hold(false, 6_000);
        toasts.expire(10_999);
        assert_eq!(texts(&toasts), ["saved", "failed"]);
        toasts.expire(11_000);
        assert_eq!(texts(&toasts), ["failed"]);
        toasts.dismiss(toasts.shown()[0].id);
        assert!(texts(&toasts).is_empty());
    }
}
