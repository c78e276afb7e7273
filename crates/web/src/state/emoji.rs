//! The table of emoji: their names, by which one finds them.
//!
//! Pure. The table is a file of its own, `assets/emoji.txt`: a line for each emoji with its names, the most usual first,
//! in groups that begin with `>` and the name of the group. It has the emoji of the version that the server takes.

/// So many emoji are remembered as the last ones.
const MOST_RECENT: usize = 8;
/// What is offered before one has used any.
const USUAL: &str = "👍 ❤️ 😂 🎉 😮 😢 🙏 👀";

/// An emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji {
    /// The emoji itself.
    pub text: String,
    /// Its names, with blanks between them.
    names: String,
}

impl Emoji {
    /// The name under which it is listed.
    pub fn name(&self) -> &str {
        self.names.split(' ').next().unwrap_or_default()
    }

    /// Its longest name, in words.
    pub fn words(&self) -> String {
        self.names.rsplit(' ').next().unwrap_or_default().replace('_', " ")
    }
}

/// All emoji.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmojiTable {
    /// The groups, each with its name.
    pub groups: Vec<(String, Vec<Emoji>)>,
}

impl EmojiTable {
    /// Reads the file.
    pub fn parse(file: &str) -> Self {
        let mut groups: Vec<(String, Vec<Emoji>)> = Vec::new();
        for line in file.lines() {
            if let Some(name) = line.strip_prefix('>') {
                groups.push((name.to_owned(), Vec::new()));
            } else if let (Some((text, names)), Some((_, group))) = (line.split_once(' '), groups.last_mut())
            {
                group.push(Emoji { text: text.to_owned(), names: names.to_owned() });
            }
        }
        Self { groups }
    }

    /// The emoji that fit some words, the best first.
    pub fn find(&self, query: &str, most: usize) -> Vec<Emoji> {
        let query = query.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        let rank = |emoji: &Emoji| emoji.names.split(' ').filter_map(|name| rank(name, &query)).min();
        let all = self.groups.iter().flat_map(|(_, group)| group);
        let mut found: Vec<_> = all.filter_map(|emoji| Some((rank(emoji)?, emoji))).collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().take(most).map(|(_, emoji)| emoji.clone()).collect()
    }
}

/// How well a name fits: the less the better.
fn rank(name: &str, query: &str) -> Option<(u8, usize)> {
    let place = name.find(query)?;
    let kind = match place {
        0 if name.len() == query.len() => 0,
        0 => 1,
        // A word within the name begins so.
        _ if name[..place].ends_with('_') => 2,
        _ => 3,
    };
    Some((kind, name.len()))
}

/// The emoji to offer first: those used last, kept as text with blanks between them.
pub fn quick(kept: &str) -> Vec<String> {
    let mut quick: Vec<String> = Vec::new();
    for emoji in kept.split_whitespace().chain(USUAL.split(' ')) {
        if quick.len() < MOST_RECENT && !quick.iter().any(|known| known == emoji) {
            quick.push(emoji.to_owned());
        }
    }
    quick
}

/// What to keep when this one was used.
pub fn used(kept: &str, emoji: &str) -> String {
    let others = kept.split_whitespace().filter(|known| *known != emoji);
    std::iter::once(emoji).chain(others).take(MOST_RECENT).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> EmojiTable {
        EmojiTable::parse(include_str!("../../assets/emoji.txt"))
    }

    fn found(query: &str) -> Vec<String> {
        table().find(query, 3).into_iter().map(|emoji| emoji.text).collect()
    }

    #[test]
    fn every_line_of_the_file_is_an_emoji_with_names_or_a_group() {
        let table = table();
        assert_eq!(table.groups.len(), 9);
        let all: Vec<_> = table.groups.iter().flat_map(|(_, group)| group).collect();
        assert!(all.len() > 1_800, "{}", all.len());
        assert!(
            all.iter()
                .all(|emoji| !emoji.text.is_ascii() && emoji.names.is_ascii() && !emoji.name().is_empty())
        );
    }

    #[test]
    fn the_emoji_whose_name_fits_best_comes_first() {
        assert_eq!(found("tada")[0], "🎉");
        assert_eq!(found("Party Popper")[0], "🎉");
        assert_eq!(found("+1")[0], "👍");
        assert_eq!(found("thumbsup")[0], "👍");
        assert!(found("heart").contains(&"❤️".to_owned()));
        assert_eq!(found("no such thing"), [""; 0]);
    }

    #[test]
    fn an_emoji_has_a_short_name_and_one_in_words() {
        let tada = &table().find("tada", 1)[0];
        assert_eq!((tada.name(), tada.words().as_str()), ("tada", "party popper"));
    }

    #[test]
    fn those_used_last_are_offered_first() {
        assert_eq!(quick("").len(), MOST_RECENT);
        let kept = used(&used("", "🦀"), "🎉");
        assert_eq!(kept, "🎉 🦀");
        assert_eq!(used(&kept, "🦀"), "🦀 🎉");
        assert_eq!(quick(&kept)[..3], ["🎉", "🦀", "👍"]);
        assert_eq!(quick(&kept).iter().filter(|emoji| *emoji == "🎉").count(), 1);
    }
}
