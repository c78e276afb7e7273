//! Mentions: `@name`, `@everyone`, and `#[name]` for rooms.
//!
//! A name ends at a word boundary, and the longest name wins. So a mark can mean each beginning of what follows it, and
//! only the members decide.

use std::collections::{BTreeSet, HashMap};

use shared::formatting::{Element, Inline};
use shared::ids::{RoomId, UserId};
use shared::rooms::RoomName;
use shared::text::is_account_character;
use shared::users::Username;
use uuid::Uuid;

use super::guards::{GUARD, restore};
use crate::db::name_key::name_key;

/// The name that means all members. Nobody is mentioned by it.
const EVERYONE_NAME: &str = "everyone";
/// How many marks of each kind are looked at: more than can be mentions, and few enough for one query.
const MAX_SIGNS: usize = 100;

/// The names that a text could mention, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Keys of members' names.
    pub members: Vec<String>,
    /// Keys of rooms' names.
    pub rooms: Vec<String>,
    /// Whether all members may be meant.
    pub everyone: bool,
}

impl Candidates {
    /// Whether nothing has to be looked up.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Stands for all members, where mentioned users are listed.
pub const EVERYONE: UserId = UserId(Uuid::nil());

/// A member by one of the candidates' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namesake {
    /// Who it is.
    pub id: UserId,
    /// Whether they have an account. At most one of the namesakes does.
    pub has_account: bool,
}

/// What the names of a text mean in its room.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Members of the room by the keys of their names.
    pub members: HashMap<String, Vec<Namesake>>,
    /// Public rooms by the keys of their names.
    pub rooms: HashMap<String, RoomId>,
    /// The members whom the author chose among namesakes.
    pub chosen: Vec<UserId>,
    /// Whether the author may mention all members.
    pub everyone: bool,
    /// Who writes: nobody mentions themselves.
    pub author: Option<UserId>,
}

impl Names {
    /// The member whom a name means. `None` if nobody has it, or several guests.
    fn member(&self, key: &str) -> Option<UserId> {
        let namesakes = self.members.get(key)?;
        let chosen = namesakes.iter().find(|member| self.chosen.contains(&member.id));
        let account = || namesakes.iter().find(|member| member.has_account);
        let only = || namesakes.first().filter(|_| namesakes.len() == 1);
        chosen.or_else(account).or_else(only).map(|member| member.id)
    }
}

/// Collects what a text could mention.
#[derive(Debug, Default)]
pub struct Finder {
    members: BTreeSet<String>,
    rooms: BTreeSet<String>,
    seen: Seen,
}

impl Finder {
    /// Whether a text has any sign. Most have none.
    pub fn may_find(text: &str) -> bool {
        text.contains('@') || text.contains("#[")
    }

    /// Looks through a piece of text; `before` is the character before it.
    pub fn look(&mut self, text: &str, before: Option<char>) {
        for sign in self.seen.signs(text, before) {
            let keys = match sign.kind {
                Kind::Member => &mut self.members,
                Kind::Room => &mut self.rooms,
            };
            keys.extend(sign.names.into_iter().map(key));
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Candidates {
        let everyone = self.members.remove(EVERYONE_NAME);
        Candidates {
            members: self.members.into_iter().collect(),
            rooms: self.rooms.into_iter().collect(),
            everyone,
        }
    }
}

/// Turns names into mentions.
#[derive(Debug)]
pub struct Resolver<'names> {
    names: &'names Names,
    seen: Seen,
    mentioned: Vec<UserId>,
    everyone: bool,
}

impl<'names> Resolver<'names> {
    /// A resolver for one text.
    pub fn new(names: &'names Names) -> Self {
        Self { names, seen: Seen::default(), mentioned: Vec::new(), everyone: false }
    }

    /// A piece of text with its mentions; `before` is the character before it.
    pub fn resolve(&mut self, text: &str, before: Option<char>) -> Vec<Inline> {
        let mut content = Vec::new();
        let mut done = 0;
        for sign in self.seen.signs(text, before) {
            // A name may have a sign in it.
            if sign.start < done {
                continue;
            }
            let Some((element, length)) = self.meaning(&sign) else { continue };
            content.push(Inline::Text(restore(&text[done..sign.start])));
            content.push(Inline::Element(element));
            done = sign.start + length;
        }
        content.push(Inline::Text(restore(&text[done..])));
        content
    }

    /// The mentioned members without the author, and whether all are mentioned.
    pub fn finish(mut self) -> (Vec<UserId>, bool) {
        self.mentioned.retain(|id| Some(*id) != self.names.author);
        (self.mentioned, self.everyone)
    }

    /// What a sign means, and the length of what it consists of.
    fn meaning(&mut self, sign: &Sign) -> Option<(Element, usize)> {
        if sign.kind == Kind::Room {
            let name = sign.names.first()?;
            let id = *self.names.rooms.get(&key(name))?;
            let text = format!("#{}", restore(name).trim());
            return Some((Element::Room { id, text }, "#[]".len() + name.len()));
        }
        for name in sign.names.iter().rev() {
            let key = key(name);
            let length = "@".len() + name.len();
            if key == EVERYONE_NAME {
                self.everyone |= self.names.everyone;
                return self.names.everyone.then_some((Element::Everyone, length));
            }
            if self.names.members.contains_key(&key) {
                let id = self.names.member(&key)?;
                if !self.mentioned.contains(&id) {
                    self.mentioned.push(id);
                }
                return Some((Element::User { id, text: format!("@{}", restore(name)) }, length));
            }
        }
        None
    }
}

fn key(name: &str) -> String {
    name_key(restore(name).trim())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Member,
    Room,
}

/// An `@` or `#[` that may begin a mention.
#[derive(Debug)]
struct Sign<'text> {
    kind: Kind,
    start: usize,
    /// What may be the name, from the shortest to the longest.
    names: Vec<&'text str>,
}

/// How many signs of a text were looked at.
#[derive(Debug, Default)]
struct Seen {
    members: usize,
    rooms: usize,
}

impl Seen {
    /// The signs in a piece of text.
    fn signs<'text>(&mut self, text: &'text str, before: Option<char>) -> Vec<Sign<'text>> {
        let mut signs = Vec::new();
        for (start, sign) in text.match_indices(['@', '#']) {
            let rest = &text[start + sign.len()..];
            let before = text[..start].chars().next_back().or(before);
            let (kind, names, seen) = if sign == "@" {
                let names = if before.is_some_and(is_word) { Vec::new() } else { member_names(rest) };
                (Kind::Member, names, &mut self.members)
            } else {
                (Kind::Room, room_name(rest).into_iter().collect(), &mut self.rooms)
            };
            if !names.is_empty() && before != Some(GUARD) && *seen < MAX_SIGNS {
                *seen += 1;
                signs.push(Sign { kind, start, names });
            }
        }
        signs
    }
}

/// The beginnings of a text that may be a member's name: those that end at a word boundary.
fn member_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut length = 0;
    let mut before = ' ';
    for (at, next) in text.char_indices().chain([(text.len(), ' ')]) {
        if next == GUARD {
            continue;
        }
        let is_within_word = is_word(before) && is_word(next);
        if !is_within_word && !before.is_whitespace() {
            names.push(&text[..at]);
        }
        if !is_mark(next) {
            length += 1;
        }
        if length > Username::ACCOUNT_LENGTH.max || (at == 0 && next.is_whitespace()) {
            break;
        }
        before = next;
    }
    names
}

/// The room's name in `[name]`, which follows the sign.
fn room_name(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('[')?.split_once(']')?;
    let length = name.trim().chars().filter(|character| !is_mark(*character)).count();
    (RoomName::LENGTH.min..=RoomName::LENGTH.max).contains(&length).then_some(name)
}

/// Whether a character is part of a word. At the others, words end.
fn is_word(character: char) -> bool {
    is_account_character(character) && !matches!(character, '.' | '-')
}

/// Whether it is a mark on a letter: the same letter with a mark can be one character or two.
fn is_mark(character: char) -> bool {
    is_word(character) && !character.is_alphanumeric() && character != '_'
}
