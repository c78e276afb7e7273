//! Finds the URLs in a message's text.
//!
//! Pure. Only `http` and `https` become links: other schemes can run scripts or open programs.

/// Splits a text into parts. The flag says whether a part is a URL.
pub fn parts(text: &str) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let (mut done, mut at) = (0, 0);
    while let Some(found) = text[at..].find("://") {
        let mark = at + found;
        at = mark + 3;
        let Some(start) = scheme(text, mark).filter(|start| *start >= done) else { continue };
        let end = at + length(&text[at..]);
        // A host begins with a letter or a digit, an IPv6 address with a bracket.
        if text[at..end]
            .starts_with(|first: char| !first.is_ascii() || first.is_ascii_alphanumeric() || first == '[')
        {
            if start > done {
                parts.push((&text[done..start], false));
            }
            parts.push((&text[start..end], true));
            (done, at) = (end, end);
        }
    }
    if done < text.len() {
        parts.push((&text[done..], false));
    }
    parts
}

/// Where the scheme begins that ends at `mark`.
fn scheme(text: &str, mark: usize) -> Option<usize> {
    let before = &text.as_bytes()[..mark];
    let is_end = |scheme: &&str| {
        before
            .len()
            .checked_sub(scheme.len())
            .is_some_and(|start| before[start..].eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let start = mark - ["https", "http"].iter().find(|scheme| is_end(scheme))?.len();
    // "xhttp" is another scheme.
    (!text[..start]
        .ends_with(|before: char| before.is_ascii_alphanumeric() || matches!(before, '+' | '-' | '.')))
    .then_some(start)
}

/// How long the rest of a URL is that `text` begins with: without the punctuation of the sentence around it.
fn length(text: &str) -> usize {
    let is_outside = |letter: char| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(letter, '<' | '>' | '"' | '`' | '«' | '»' | '“' | '”' | '\u{200b}' | '\u{feff}')
            // Controls of the direction of text, and the punctuation of East Asian scripts.
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || matches!(letter, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff1f}')
    };
    let mut url = &text[..text.find(is_outside).unwrap_or(text.len())];
    while let Some(last) = url.chars().next_back() {
        let count = |wanted: char| url.chars().filter(|letter| *letter == wanted).count();
        let is_unbalanced = |open, close| last == close && count(close) > count(open);
        if !matches!(last, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*' | '…' | '’')
            && !is_unbalanced('(', ')')
            && !is_unbalanced('[', ']')
        {
            break;
        }
        url = &url[..url.len() - last.len_utf8()];
    }
    url.len()
}

#[cfg(test)]
mod tests {
    use super::parts;

    /// The URLs of a text. The parts are always the whole text.
    fn urls(text: &str) -> Vec<&str> {
        let parts = parts(text);
        assert_eq!(parts.iter().map(|part| part.0).collect::<String>(), text);
        parts.into_iter().filter(|part| part.1).map(|part| part.0).collect()
    }

    #[test]
    fn urls_are_found_between_words() {
        assert_eq!(
            parts("see https://a.example/b?c=d#e and http://f.example"),
            [
                ("see ", false),
                ("https://a.example/b?c=d#e", true),
                (" and ", false),
                ("http://f.example", true)
            ]
        );
        assert_eq!(parts("no link"), [("no link", false)]);
        assert_eq!(parts(""), []);
        assert_eq!(urls("HTTPS://A.example\nhttp://[::1]:80/"), ["HTTPS://A.example", "http://[::1]:80/"]);
        assert_eq!(urls("Grüße:https://ä.example/ö"), ["https://ä.example/ö"]);
    }

    #[test]
    fn the_punctuation_of_the_sentence_is_no_part_of_them() {
        for (text, url) in [
            ("(https://a.example/b)", "https://a.example/b"),
            ("https://a.example/b_(c)", "https://a.example/b_(c)"),
            ("(see https://a.example/b_(c)).", "https://a.example/b_(c)"),
            ("is it https://a.example?!", "https://a.example"),
            ("<https://a.example/>", "https://a.example/"),
            ("“https://a.example”", "https://a.example"),
            ("[https://a.example]", "https://a.example"),
            ("「https://a.example」。", "https://a.example"),
            ("https://a.example/…", "https://a.example/"),
            ("https://a.example\u{202e}gpj.exe", "https://a.example"),
        ] {
            assert_eq!(urls(text), [url], "{text}");
        }
    }

    #[test]
    fn other_schemes_and_scraps_are_no_links() {
        for text in [
            "javascript://a.example",
            "ftp://a.example",
            "xhttp://a.example",
            "web+http://a.example",
            "http://",
            "https://.",
            "://a.example",
            "http:///a",
            "https:a.example",
        ] {
            assert_eq!(urls(text), [""; 0], "{text}");
        }
        assert_eq!(urls("http://http://a.example"), ["http://http://a.example"]);
    }
}
