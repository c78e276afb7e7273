//! Connection strings of libpq, as far as to take the password out of them.

use percent_encoding::percent_decode_str;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
const PASSWORD: &str = "password";

/// A URL or connection string (`host=… password=…`) without its password, and the password.
pub(super) fn without_password(text: &str) -> (String, Option<String>) {
    match SCHEMES.iter().find(|scheme| text.starts_with(**scheme)) {
        Some(scheme) => url_without_password(scheme, &text[scheme.len()..]),
        None => keywords_without_password(text),
    }
}

fn url_without_password(scheme: &str, rest: &str) -> (String, Option<String>) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut password = None;
    // Like libpq: the text before the first `@` is the user, unless a `/` comes first.
    let (user, rest) = match rest.find(['@', '/']) {
        Some(end) if rest[end..].starts_with('@') => rest.split_at(end),
        _ => ("", rest),
    };
    let user = match user.split_once(':') {
        Some((user, of_user)) => {
            password = Some(decoded(of_user));
            user
        }
        None => user,
    };
    let mut kept = format!("{scheme}{user}");
    let Some((address, settings)) = rest.split_once('?') else {
        kept.push_str(rest);
        return (kept, password.filter(|password| !password.is_empty()));
    };
    kept.push_str(address);
    let mut separator = '?';
    for setting in settings.split('&') {
        match setting.split_once('=') {
            Some((name, value)) if decoded(name) == PASSWORD => password = Some(decoded(value)),
            _ => {
                kept.push(separator);
                kept.push_str(setting);
                separator = '&';
            }
        }
    }
    (kept, password.filter(|password| !password.is_empty()))
}

fn keywords_without_password(text: &str) -> (String, Option<String>) {
    let (mut kept, mut password) = (Vec::new(), None);
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, length) = first_value(after);
        let (written, next) = after.split_at(length);
        if name.trim() == PASSWORD {
            password = Some(value);
        } else {
            kept.push(format!("{}={written}", name.trim()));
        }
        rest = next.trim_start();
    }
    if !rest.is_empty() {
        // libpq will say what is wrong with it.
        kept.push(rest.to_owned());
    }
    (kept.join(" "), password.filter(|password| !password.is_empty()))
}

/// The value that a text begins with, and how long it is as it is written: up to a blank, or in single quotes. A backslash
/// takes the next character as it is.
fn first_value(text: &str) -> (String, usize) {
    let quoted = text.starts_with('\'');
    let (mut value, mut is_escaped) = (String::new(), false);
    for (index, character) in text.char_indices().skip(usize::from(quoted)) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => {
                is_escaped = true;
                continue;
            }
            '\'' if quoted => return (value, index + 1),
            _ if !quoted && character.is_ascii_whitespace() => return (value, index),
            _ => {}
        }
        value.push(character);
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kept: &str, password: Option<&str>) {
        assert_eq!(without_password(text), (kept.to_owned(), password.map(str::to_owned)), "{text}");
    }

    #[test]
    fn a_url_loses_its_password() {
        check("postgres://a:s%40c%2Fret@db/chat", "postgres://a@db/chat", Some("s@c/ret"));
        check(
            "postgresql://a:b:c@h1,h2:5433/chat?sslmode=require",
            "postgresql://a@h1,h2:5433/chat?sslmode=require",
            Some("b:c"),
        );
        check(
            "postgres:///chat?host=/run&password=a%26b&user=x",
            "postgres:///chat?host=/run&user=x",
            Some("a&b"),
        );
        check("postgres://a@db?password=b", "postgres://a@db", Some("b"));
        for kept in ["postgres://a@db/chat", "postgresql://", "postgres://db/a:b@c", "postgres://%2Frun/chat"]
        {
            check(kept, kept, None);
        }
        check("postgres://a:@db", "postgres://a@db", None);
    }

    #[test]
    fn a_connection_string_loses_its_password() {
        check("host=db password=secret dbname=chat", "host=db dbname=chat", Some("secret"));
        check(r"password = 'it\'s a \\' user=a", "user=a", Some(r"it's a \"));
        check(r"user='a password=x' password=b\ c", "user='a password=x'", Some("b c"));
        check("host=/run  dbname='my chat'", "host=/run dbname='my chat'", None);
        check("chat", "chat", None);
        check("password=''", "", None);
    }
}
