//! Sessions in words: the device, and when it was last used.
//!
//! Pure.

/// Browsers by a part of their `User-Agent`. The first match counts, because many also name other browsers.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("Mozilla/", "A browser"),
];

/// The same for systems.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

const HOUR_MILLIS: i64 = 60 * 60 * 1_000;

/// The program and the system of a session: "Firefox on Windows". `user_agent` is what the program called itself.
pub fn device(user_agent: Option<&str>) -> String {
    let agent = user_agent.unwrap_or_default();
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name)
    };
    // Other programs start with their own name.
    let program = agent.split(['/', ' ']).next().filter(|name| !name.is_empty());
    let program = find(&BROWSERS).or(program).unwrap_or("Unknown app");
    match find(&SYSTEMS) {
        Some(system) => format!("{program} on {system}"),
        None => program.to_owned(),
    }
}

/// How long ago a session was last used. The server knows it to within an hour.
pub fn last_used(then: i64, now: i64) -> String {
    let hours = (now - then).max(0) / HOUR_MILLIS;
    match hours {
        0 => "used within the last hour".to_owned(),
        1 => "last used 1 hour ago".to_owned(),
        2..=47 => format!("last used {hours} hours ago"),
        _ => format!("last used {} days ago", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_and_its_system_are_told_in_words() {
        let apple = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (agent, words) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
                "Firefox on Linux",
            ),
            (
                format!("Mozilla/5.0 (Windows NT 10.0) {apple} Chrome/140.0 Safari/537.36"),
                "Chrome on Windows",
            ),
            (
                format!("Mozilla/5.0 (Windows NT 10.0) {apple} Chrome/140.0 Safari/537.36 Edg/140.0"),
                "Edge on Windows",
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 15) {apple} Chrome/140.0 Mobile Safari/537.36"),
                "Chrome on Android",
            ),
            (
                format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 15) {apple} Version/18.0 Safari/605.1.15"),
                "Safari on macOS",
            ),
            (
                format!("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) {apple} Safari/604.1"),
                "Safari on iPhone",
            ),
            ("curl/8.5.0".to_owned(), "curl"),
            ("Mozilla/5.0".to_owned(), "A browser"),
        ] {
            assert_eq!(device(Some(&agent)), words, "{agent}");
        }
        assert_eq!(device(None), "Unknown app");
        assert_eq!(device(Some("")), "Unknown app");
    }

    #[test]
    fn the_last_use_is_told_in_hours_and_then_in_days() {
        let after = |hours| last_used(0, hours * HOUR_MILLIS);
        assert_eq!(last_used(5, 0), "used within the last hour", "clocks differ");
        assert_eq!(after(1), "last used 1 hour ago");
        assert_eq!(after(47), "last used 47 hours ago");
        assert_eq!(after(72), "last used 3 days ago");
    }
}
