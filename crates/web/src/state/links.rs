//! Finds the URLs in a message's text, and says where links really lead.
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

/// Whether a link may be followed from the page.
pub fn is_safe(href: &str) -> bool {
    let begins = |scheme: &str| href.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    ["http://", "https://", "mailto:"].into_iter().any(begins)
}

/// The host of a link whose words look like the address of another one.
pub fn other_host(href: &str, words: &str) -> Option<String> {
    let real = host(href)?;
    let plain = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    let lies =
        |word: &str| host(word).is_some_and(|said| looks_like_host(&said) && plain(&said) != plain(&real));
    words.split_whitespace().any(lies).then_some(real)
}

/// The host of an address, which may begin without a scheme; of a mail address, what is behind the `@`.
fn host(address: &str) -> Option<String> {
    let mail = address.strip_prefix("mailto:").unwrap_or(address);
    let rest = mail.split_once("://").map_or(mail, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', '\\']).next()?.rsplit('@').next()?;
    let host = host.split(':').next()?;
    let host = host.trim_matches(|letter| !is_of_host(letter)).to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

/// Whether a word may be taken for a host: labels with dots between them, of which the last is no number.
fn looks_like_host(word: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|it| is_of_host(it) || it == '-');
    let last = word.rsplit('.').next().unwrap_or_default();
    word.contains('.')
        && word.split('.').all(is_label)
        && last.chars().count() > 1
        && !last.bytes().all(|it| it.is_ascii_digit())
}

fn is_of_host(letter: char) -> bool {
    !letter.is_ascii() || letter.is_ascii_alphanumeric()
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
    use super::{is_safe, other_host, parts};

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

    #[test]
    fn only_the_web_and_mail_are_safe() {
        assert!(
            is_safe("https://a.example") && is_safe("HTTP://a.example") && is_safe("mailto:ada@a.example")
        );
        for href in ["javascript:alert(1)", "data:text/html,x", "//a.example", "", "file:///etc"] {
            assert!(!is_safe(href), "{href}");
        }
    }

    #[test]
    fn words_that_look_like_another_address_do_not_hide_where_a_link_leads() {
        let real = |words: &str| other_host("https://evil.example/x", words);
        for lie in ["bank.example", "https://bank.example/x", "see www.bank.example.", "ada@bank.example"] {
            assert_eq!(real(lie).as_deref(), Some("evil.example"), "{lie}");
        }
        for words in ["evil.example", "the docs", "www.Evil.example/y", "v1.2", "e.g. this", ""] {
            assert_eq!(real(words), None, "{words}");
        }
        assert_eq!(
            other_host("mailto:eve@evil.example", "ada@bank.example").as_deref(),
            Some("evil.example")
        );
        assert_eq!(
            other_host("https://evil.example:443/", "bank.example:443").as_deref(),
            Some("evil.example")
        );
    }
}
