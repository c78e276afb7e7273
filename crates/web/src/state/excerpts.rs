//! Messages in plain words: for names of rows, for quotes and for screen readers.
//!
//! Pure.

use shared::excerpts::plain_text;
use shared::formatting::Block;
use shared::messages::Message;

/// The blocks of a message, if its text has any formatting.
pub fn blocks(message: &Message) -> Option<&[Block]> {
    message.body.as_ref().and_then(|body| body.value()).map(Vec::as_slice)
}

/// What a message says, without marks; `None` once it is deleted.
pub fn plain(message: &Message) -> Option<String> {
    let text = message.text.as_ref()?;
    Some(blocks(message).map_or_else(|| text.clone(), plain_text))
}

/// The beginning of a message, on one line.
pub fn excerpt(message: &Message) -> String {
    shared::excerpts::excerpt(&plain(message).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use shared::formatting::EXCERPT_LENGTH;
    use shared::stored::Stored;

    use super::*;
    use crate::state::samples::message;

    fn formatted(body: &str) -> Message {
        let body = serde_json::from_str::<Vec<Block>>(body).unwrap();
        Message { body: Some(Stored::Value(body)), ..message(1, 1) }
    }

    #[test]
    fn formatted_text_is_said_without_its_marks_and_without_its_secrets() {
        let message = formatted(
            r##"[{"t":"h","l":1,"c":["Plan"]},
                {"t":"p","c":["see ",{"t":"b","c":["this ",{"t":"code","text":"x"}]},{"t":"br"},
                    {"t":"a","href":"https://a.example","c":["link"]}," ",{"t":"spoiler","c":["he dies"]}]},
                {"t":"ul","c":[[{"t":"p","c":["one"]}],[{"t":"p","c":[{"t":"user","id":"0190a5b0-0000-7000-9000-000000000001","text":"@ada"}]}]]},
                {"t":"quote","c":[{"t":"p","c":[{"t":"everyone"}]}]},
                {"t":"pre","text":"let x;"},{"t":"marquee","c":["no"]}]"##,
        );
        let expected = "Plan\nsee this x\nlink ▒▒▒\none\n@ada\n@everyone\nlet x;\n";
        assert_eq!(plain(&message).as_deref(), Some(expected));
        assert_eq!(excerpt(&message), "Plan see this x link ▒▒▒ one @ada @everyone let x;");
        assert_eq!(plain(&Message { text: None, ..message }), None);
    }

    #[test]
    fn an_excerpt_is_the_beginning_of_a_text_on_one_line() {
        let long = Message { text: Some(format!("a\n\nb {}", "x".repeat(500))), ..message(1, 1) };
        assert!(excerpt(&long).starts_with("a b xxx"));
        assert_eq!(excerpt(&long).chars().count(), EXCERPT_LENGTH);
    }
}
