//! Which local day a time belongs to.
//!
//! Pure. The browser is asked once for each day, not for each message.

/// A day in the user's time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalDay {
    /// Days since the Unix epoch.
    pub number: i64,
    /// When it begins, in milliseconds since the Unix epoch.
    pub begin: i64,
    /// When the next day begins.
    pub end: i64,
}

/// The day that was asked for last.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastDay(LocalDay);

impl LastDay {
    /// The number of the day of a time. `find` is called when it is another day than the last one.
    pub fn number(&mut self, unix_millis: i64, find: impl FnOnce(i64) -> LocalDay) -> i64 {
        if !(self.0.begin..self.0.end).contains(&unix_millis) {
            self.0 = find(unix_millis);
        }
        self.0.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_asked_once_for_each_day() {
        let mut asked = 0;
        let mut last = LastDay::default();
        let mut number = |unix_millis| {
            last.number(unix_millis, |unix_millis: i64| {
                asked += 1;
                let number = unix_millis.div_euclid(100);
                LocalDay { number, begin: number * 100, end: number * 100 + 100 }
            })
        };
        assert_eq!([0, 1, 99, 100, 150, 199, -1].map(&mut number), [0, 0, 0, 1, 1, 1, -1]);
        assert_eq!(asked, 3);
    }
}
