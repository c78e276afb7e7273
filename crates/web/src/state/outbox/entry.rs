//! An entry of the outbox, and its form as text, in which the browser keeps it.
//!
//! Pure.

use std::str::Split;

use shared::files::{AltText, Attachment};
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use shared::messages::{Author, Message};
use shared::replies::ReplyTo;
use shared::timestamp::Timestamp;

use crate::state::messages::Delivery;

/// What somebody writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The text.
    pub text: String,
    /// The files, which the server has.
    pub attachments: Vec<Attachment>,
    /// What is answered.
    pub reply_to: Option<ReplyTo>,
    /// Whom its mentions mean, where several have the name.
    pub mentions: Vec<UserId>,
}

/// A message that the server has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The message's id. Every attempt uses it, so that the message is stored once.
    pub id: MessageId,
    /// The room.
    pub room_id: RoomId,
    /// Who wrote it; `None` while the client does not know who the user is.
    pub owner: Option<UserId>,
    /// What it says.
    pub words: Words,
    /// When it was written.
    pub created_at: Timestamp,
    /// Why the server refused it, in a sentence.
    pub failure: Option<String>,
    /// When this tab may send it: 0 unless another tab has written it. Not kept.
    pub(super) not_before: i64,
    /// Its place in the order of writing.
    pub(super) place: u64,
}

impl Entry {
    /// The message as it will look.
    pub fn message(&self, author: Author) -> Message {
        Message {
            id: self.id,
            room_id: self.room_id,
            seq: Seq::ZERO,
            rev: Rev::ZERO,
            author,
            text: Some(self.words.text.clone()),
            body: None,
            attachments: self.words.attachments.clone(),
            reply_to: self.words.reply_to,
            reactions: None,
            pinned_at: None,
            created_at: self.created_at,
            edited_at: None,
            deleted_at: None,
        }
    }

    /// How the message is getting on.
    pub fn delivery(&self) -> Delivery {
        match &self.failure {
            Some(detail) => Delivery::Failed { detail: detail.clone() },
            None => Delivery::Pending,
        }
    }

    /// The name under which the browser keeps the entry: each has its own, so that tabs do not overwrite each other.
    pub fn key(&self) -> String {
        match self.owner {
            Some(owner) => format!("{owner}.{}", self.id),
            None => format!("{NOBODY}.{}", self.id),
        }
    }

    /// The entry as one line of text.
    pub fn to_text(&self) -> String {
        let failure = self.failure.as_deref().map(escape).unwrap_or_default();
        let millis = self.created_at.unix_millis();
        let Words { text, attachments, reply_to, mentions } = &self.words;
        let mut place = self.room_id.to_string();
        if reply_to.is_some() || !mentions.is_empty() {
            let reply_to = reply_to
                .map_or_else(|| NO_REPLY.to_owned(), |reply| format!("{} {}", reply.id, reply.root_id));
            place.push_str(&format!(" {reply_to}"));
            mentions.iter().for_each(|user| place.push_str(&format!(" {user}")));
        }
        let mut line = format!("{}\t{place}\t{millis}\t{failure}\t{}", self.place, escape(text));
        for file in attachments {
            let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
            for field in [
                file.id.to_string().as_str(),
                &file.filename,
                &file.content_type,
                &file.size.to_string(),
                &number(file.width),
                &number(file.height),
                &file.url,
                file.thumbnail_url.as_deref().unwrap_or_default(),
                file.alt.as_ref().map_or("", AltText::as_str),
            ] {
                line.push('\t');
                line.push_str(&escape(field));
            }
        }
        line
    }

    /// Reads what `key` and `to_text` wrote.
    pub fn from_text(key: &str, text: &str) -> Option<Self> {
        let (owner, id) = parse_key(key)?;
        let mut fields = text.split('\t');
        let mut field = || fields.next();
        let place = field()?.parse().ok()?;
        let (room_id, reply_to, mentions) = addressees(field()?)?;
        let created_at = Timestamp::from_unix_millis(field()?.parse().ok()?)?;
        let failure = Some(unescape(field()?)).filter(|failure| !failure.is_empty());
        let text = unescape(field()?);
        let words = Words { text, attachments: attachments(fields)?, reply_to, mentions };
        Some(Self { id, owner, place, room_id, created_at, failure, not_before: 0, words })
    }
}

/// The room, what is answered there, and who is meant.
#[inline(never)]
fn addressees(field: &str) -> Option<(RoomId, Option<ReplyTo>, Vec<UserId>)> {
    let mut ids = field.split(' ');
    let room_id = ids.next()?.parse().ok()?;
    let reply_to = match ids.next() {
        None | Some(NO_REPLY) => None,
        Some(id) => Some(ReplyTo { id: id.parse().ok()?, root_id: ids.next()?.parse().ok()? }),
    };
    let mentions = ids.map(|user| user.parse().ok()).collect::<Option<_>>()?;
    Some((room_id, reply_to, mentions))
}

/// The files whose fields are left.
#[inline(never)]
fn attachments(mut fields: Split<'_, char>) -> Option<Vec<Attachment>> {
    let mut text = || fields.next().map(unescape);
    let mut attachments = Vec::new();
    while let Some(id) = text() {
        attachments.push(Attachment {
            id: id.parse().ok()?,
            filename: text()?,
            content_type: text()?,
            size: text()?.parse().ok()?,
            width: text()?.parse().ok(),
            height: text()?.parse().ok(),
            url: text()?,
            thumbnail_url: text().filter(|url| !url.is_empty()),
            alt: text().filter(|alt| !alt.is_empty()).map(AltText::from_stored),
        });
    }
    Some(attachments)
}

/// Stands for what is answered in a message that answers nothing and mentions somebody.
const NO_REPLY: &str = "-";
/// Stands for the owner of what was written before the client knew who the user is.
const NOBODY: &str = "new";

/// The owner and the id in an entry's key.
pub fn parse_key(key: &str) -> Option<(Option<UserId>, MessageId)> {
    let (owner, id) = key.split_once('.')?;
    let owner = if owner == NOBODY { None } else { Some(owner.parse().ok()?) };
    Some((owner, id.parse().ok()?))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                other => other.unwrap_or('\\'),
            },
            plain => plain,
        });
    }
    plain
}
