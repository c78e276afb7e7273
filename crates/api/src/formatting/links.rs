//! Addresses: which of them may be links, and where they stand bare in a text.

use linkify::{LinkFinder, LinkKind};

use super::guards::restore;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'text> {
    /// Text without a link.
    Text(&'text str),
    /// A bare link: what the author wrote, and where it leads.
    Link(&'text str, String),
}

/// Whether a link may lead there: by http, https or mailto, and without userinfo, which is there to deceive.
pub fn is_allowed(href: &str) -> bool {
    if href.chars().any(char::is_control) {
        return false;
    }
    if let Some(address) = strip_scheme(href, "mailto:") {
        return !address.is_empty();
    }
    let Some(rest) = strip_scheme(href, "https://").or_else(|| strip_scheme(href, "http://")) else {
        return false;
    };
    // Browsers take a backslash for a slash.
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    !authority.is_empty()
        && !authority.contains(|character: char| character == '@' || character.is_whitespace())
}

/// What finds the addresses in a text, and many words with dots besides.
pub fn finder() -> LinkFinder {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_must_have_scheme(false);
    finder
}

/// The parts of a text. A bare link begins with `http://`, `https://` or `www.`; the latter leads to https.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut done = 0;
    for link in finder().links(text) {
        let written = end_early(link.as_str());
        let address = restore(written);
        let href =
            if strip_scheme(&address, "www.").is_some() { format!("https://{address}") } else { address };
        if strip_scheme(&href, "mailto:").is_some() || !is_allowed(&href) {
            continue;
        }
        if done < link.start() {
            parts.push(Part::Text(&text[done..link.start()]));
        }
        parts.push(Part::Link(written, href));
        done = link.start() + written.len();
    }
    if done < text.len() {
        parts.push(Part::Text(&text[done..]));
    }
    parts
}

/// The rest of `text` if it begins with `scheme`, in any case.
fn strip_scheme<'text>(text: &'text str, scheme: &str) -> Option<&'text str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// An address up to what other scripts write behind it: spaces, invisible marks, and the punctuation of East Asia, where
/// sentences go on without a space.
fn end_early(address: &str) -> &str {
    let ends = |character: char| {
        character.is_whitespace()
            || matches!(
                character,
                '\u{200B}'..='\u{200F}'
                    | '\u{2018}'..='\u{201F}'
                    | '\u{202A}'..='\u{202E}'
                    | '\u{2060}'..='\u{206F}'
                    | '\u{3000}'..='\u{3003}'
                    | '\u{3008}'..='\u{301F}'
                    | '\u{FEFF}'
                    | '\u{FF01}'..='\u{FF0F}'
                    | '\u{FF1A}'..='\u{FF20}'
                    | '\u{FF3B}'..='\u{FF3D}'
                    | '\u{FF5B}'..='\u{FF65}'
            )
    };
    match address.find(ends) {
        Some(end) => address[..end].trim_end_matches(['?', '!', '.', ',', ':', ';', '*', '\'']),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hrefs(text: &str) -> Vec<String> {
        let link = |part| match part {
            Part::Link(_, href) => Some(href),
            Part::Text(_) => None,
        };
        parts(text).into_iter().filter_map(link).collect()
    }

    #[test]
    fn only_web_and_mail_addresses_without_userinfo_are_allowed() {
        for href in ["http://a", "HTTPS://a.b/c@d", "https://a?b@c", "mailto:a@b.c", "https://münchen.de/ü x"]
        {
            assert!(is_allowed(href), "{href}");
        }
        for href in [
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a",
            "/a",
            "//a",
            "a",
            "",
            "https:a",
            "https:/a",
            "https://",
            "https:///a",
            "https://a@b",
            "https://a:b@c/d",
            "https://a\\@b@c",
            "mailto:",
            "https://a\tb",
            "https://a b/c",
            "java\nscript:alert(1)",
            " https://a",
        ] {
            assert_eq!(is_allowed(href), href == "https://a\\@b@c", "{href}");
        }
    }

    #[test]
    fn a_bare_link_ends_where_the_sentence_goes_on() {
        for (text, href) in [
            ("see https://e.com/a.", "https://e.com/a"),
            ("(https://e.com/a_(b)), x", "https://e.com/a_(b)"),
            ("\"http://e.com\"?", "http://e.com"),
            ("<www.e.com>", "https://www.e.com"),
            ("WWW.e.com:8080/x!", "https://WWW.e.com:8080/x"),
            ("见https://e.com/a。谢谢", "https://e.com/a"),
            ("（https://e.com/a）", "https://e.com/a"),
            ("https://e.com/日本語", "https://e.com/日本語"),
            ("https://münchen.de/x", "https://münchen.de/x"),
            ("https://e.com/a\u{a0}b", "https://e.com/a"),
            ("https://e.com/\u{202e}moc.live", "https://e.com/"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(hrefs(text), [href], "{text}");
        }
    }

    #[test]
    fn other_addresses_are_no_bare_links() {
        for text in [
            "example.com",
            "https://a@b.com",
            "http://a:b@www.c.com/d",
            "ftp://e.com",
            "javascript://e.com",
            "a@b.com",
            "xhttps://",
            "www.",
            "https://",
        ] {
            assert_eq!(hrefs(text), Vec::<String>::new(), "{text}");
        }
    }
}
