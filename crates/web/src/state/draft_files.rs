//! The files that the user attaches to drafts, in all rooms and threads: from the choice to the upload that the server has stored.
//!
//! Pure. Files are uploaded in the order in which they were added, a few at once. A passing failure makes a file wait for
//! another attempt under the same id; a refusal waits for the user. `uploading.rs` runs the uploads, and stops those
//! whose file is gone.

use shared::files::{AltText, Attachment, MAX_ATTACHMENTS};
use shared::ids::{AttachmentId, MessageId, RoomId};
use shared::text::Invalid;

use crate::state::backoff;
use crate::state::files::size_text;

/// How many files are uploaded at once. The server takes four of a user, who may have other tabs.
const AT_ONCE: usize = 2;

/// Where a draft is written: in a room, or in a thread of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftPlace {
    /// The room.
    pub room_id: RoomId,
    /// The first message of the thread; `None` for the room itself.
    pub thread: Option<MessageId>,
}

/// A file that the user has just chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenFile {
    /// The id under which it is uploaded, however often that is tried.
    pub id: AttachmentId,
    /// What it is called.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// What the browser takes it for; may be empty.
    pub content_type: String,
}

/// How the upload of a file is getting on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for its turn, or for the next attempt.
    Waiting,
    /// So many bytes have been sent.
    Sending(u64),
    /// The server has it.
    Stored(Attachment),
    /// It cannot be uploaded.
    Failed {
        /// Why, in a sentence.
        detail: String,
        /// Whether another attempt may succeed.
        may_retry: bool,
    },
}

/// A file of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFile {
    /// What was chosen.
    pub chosen: ChosenFile,
    /// The draft.
    pub place: DraftPlace,
    /// What it shows, in words.
    pub alt: String,
    /// How the upload is getting on.
    pub stage: Stage,
    /// How many attempts in a row did not get through.
    failures: u32,
    /// When the next attempt may be made.
    not_before: i64,
}

impl DraftFile {
    /// How much of it has been sent, in percent.
    pub fn percent(&self) -> u64 {
        match self.stage {
            Stage::Waiting | Stage::Failed { .. } => 0,
            // All that was sent may still have to be stored.
            Stage::Sending(sent) => (sent * 100).checked_div(self.chosen.size).unwrap_or(0).min(99),
            Stage::Stored(_) => 100,
        }
    }

    /// Whether an attempt did not get through, and there will be another.
    pub fn is_repeated(&self) -> bool {
        self.failures > 0 && matches!(self.stage, Stage::Waiting | Stage::Sending(_))
    }
}

/// The files of all drafts, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftFiles {
    files: Vec<DraftFile>,
}

impl DraftFiles {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file of that id.
    pub fn get(&self, id: AttachmentId) -> Option<&DraftFile> {
        self.files.iter().find(|file| file.chosen.id == id)
    }

    /// The files of a draft.
    pub fn of_draft(&self, place: DraftPlace) -> impl Iterator<Item = &DraftFile> {
        self.files.iter().filter(move |file| file.place == place)
    }

    /// Whether a file of a draft is on its way.
    pub fn is_uploading(&self, place: DraftPlace) -> bool {
        self.of_draft(place).any(|file| matches!(file.stage, Stage::Waiting | Stage::Sending(_)))
    }

    /// Whether a file of a draft could not be uploaded.
    pub fn is_blocked(&self, place: DraftPlace) -> bool {
        self.of_draft(place).any(|file| matches!(file.stage, Stage::Failed { .. }))
    }

    /// The files of a draft that the server has, as they can be sent.
    pub fn in_store(&self, place: DraftPlace) -> Vec<Attachment> {
        let stored = self.of_draft(place).filter_map(|file| match &file.stage {
            // The words were checked when they were entered.
            Stage::Stored(attachment) => {
                Some(Attachment { alt: AltText::parse(&file.alt).ok().flatten(), ..attachment.clone() })
            }
            _ => None,
        });
        stored.collect()
    }

    /// Adds files to a draft, as many as a message can have. Returns how many were left out.
    pub fn add(&mut self, place: DraftPlace, chosen: Vec<ChosenFile>) -> usize {
        let room = MAX_ATTACHMENTS.saturating_sub(self.of_draft(place).count());
        let left_out = chosen.len().saturating_sub(room);
        self.files.extend(chosen.into_iter().take(room).map(|chosen| DraftFile {
            chosen,
            place,
            alt: String::new(),
            stage: Stage::Waiting,
            failures: 0,
            not_before: 0,
        }));
        left_out
    }

    /// The files whose upload begins now.
    pub fn start(&mut self, now: i64) -> Vec<DraftFile> {
        let busy = self.files.iter().filter(|file| matches!(file.stage, Stage::Sending(_))).count();
        let due = self.files.iter_mut().filter(|file| file.stage == Stage::Waiting && file.not_before <= now);
        let started = due.take(AT_ONCE.saturating_sub(busy)).map(|file| {
            file.stage = Stage::Sending(0);
            file.clone()
        });
        started.collect()
    }

    /// Whether `start` would return a file.
    pub fn is_due(&self, now: i64) -> bool {
        self.files.iter().filter(|file| matches!(file.stage, Stage::Sending(_))).count() < AT_ONCE
            && self.files.iter().any(|file| file.stage == Stage::Waiting && file.not_before <= now)
    }

    /// So much of a file has been sent.
    pub fn sent(&mut self, id: AttachmentId, bytes: u64) {
        self.change(id, |file| file.stage = Stage::Sending(bytes));
    }

    /// The server has the file.
    pub fn stored(&mut self, id: AttachmentId, attachment: Attachment) {
        self.change(id, |file| file.stage = Stage::Stored(attachment));
    }

    /// Records a failed attempt. Returns the delay until the next one, in milliseconds.
    pub fn postpone(&mut self, id: AttachmentId, now: i64, random: f64, retry_after_millis: i64) -> i64 {
        let mut wait = 0;
        self.change(id, |file| {
            wait = backoff::wait_millis(file.failures, random).max(retry_after_millis);
            file.stage = Stage::Waiting;
            file.failures += 1;
            file.not_before = now + wait;
        });
        wait
    }

    /// A file cannot be uploaded, for a reason that does not pass by itself. `may_retry` is whether the user can do
    /// something about it.
    pub fn fail(&mut self, id: AttachmentId, detail: String, may_retry: bool) {
        self.change(id, |file| file.stage = Stage::Failed { detail, may_retry });
    }

    /// Fails what waits and is larger than the server takes, of anybody or of this user in a day.
    pub fn refuse_larger(&mut self, limit: u64, per_day: Option<u64>) {
        for file in &mut self.files {
            let size = file.chosen.size;
            let detail = match per_day {
                _ if file.stage != Stage::Waiting => continue,
                _ if size > limit => {
                    format!("This file is larger than the limit of {}.", size_text(limit))
                }
                Some(limit) if size > limit => {
                    format!("This file is larger than the {} that you may upload per day.", size_text(limit))
                }
                _ => continue,
            };
            file.stage = Stage::Failed { detail, may_retry: false };
        }
    }

    /// The user wants another attempt at once.
    pub fn retry(&mut self, id: AttachmentId) {
        self.change(id, |file| {
            file.stage = Stage::Waiting;
            file.failures = 0;
            file.not_before = 0;
        });
    }

    /// The connection is back: nothing waits any longer.
    pub fn wake(&mut self) {
        for file in &mut self.files {
            file.not_before = 0;
        }
    }

    /// Says what a file shows.
    ///
    /// # Errors
    /// If the words cannot be sent. Then the earlier ones stay.
    pub fn describe(&mut self, id: AttachmentId, alt: String) -> Result<(), Invalid> {
        AltText::parse(&alt)?;
        self.change(id, |file| file.alt = alt);
        Ok(())
    }

    /// Takes a file out of its draft.
    pub fn remove(&mut self, id: AttachmentId) {
        self.files.retain(|file| file.chosen.id != id);
    }

    /// Keeps the drafts of the rooms that are still there.
    pub fn keep_rooms(&mut self, is_there: impl Fn(RoomId) -> bool) {
        self.files.retain(|file| is_there(file.place.room_id));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.files.clear();
    }

    /// The files of a draft that the server has were sent.
    pub fn remove_stored(&mut self, place: DraftPlace) {
        self.files.retain(|file| file.place != place || !matches!(file.stage, Stage::Stored(_)));
    }

    fn change(&mut self, id: AttachmentId, change: impl FnOnce(&mut DraftFile)) {
        if let Some(file) = self.files.iter_mut().find(|file| file.chosen.id == id) {
            change(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{NOON, attachment_id, image, message_id, room_id};

    fn draft(room: u8) -> DraftPlace {
        DraftPlace { room_id: room_id(room), thread: None }
    }

    fn chosen(number: u8) -> ChosenFile {
        ChosenFile {
            id: attachment_id(number),
            name: format!("{number}.png"),
            size: 1_000,
            content_type: "image/png".to_owned(),
        }
    }

    /// Files of these numbers in room 1.
    fn added(numbers: impl IntoIterator<Item = u8>) -> DraftFiles {
        let mut files = DraftFiles::default();
        assert_eq!(files.add(draft(1), numbers.into_iter().map(chosen).collect()), 0);
        files
    }

    fn started(files: &mut DraftFiles, now: i64) -> Vec<AttachmentId> {
        let is_due = files.is_due(now);
        let started: Vec<_> = files.start(now).into_iter().map(|file| file.chosen.id).collect();
        assert_eq!(is_due, !started.is_empty());
        started
    }

    fn stored(files: &mut DraftFiles, number: u8) {
        files.stored(attachment_id(number), image(number, &format!("{number}.png")));
    }

    /// The state of room 1: whether files are uploading, whether one is blocked, and the number of stored files.
    fn state(files: &DraftFiles) -> (bool, bool, usize) {
        let room = draft(1);
        (files.is_uploading(room), files.is_blocked(room), files.in_store(room).len())
    }

    #[test]
    fn a_message_has_at_most_ten_files_and_the_rest_is_left_out() {
        let mut files = added(1..=8);
        assert_eq!(files.add(draft(1), (9..=12).map(chosen).collect()), 2);
        assert_eq!(files.of_draft(draft(1)).count(), 10);
        assert_eq!(files.add(draft(2), vec![chosen(13)]), 0, "another room has another draft");
        let thread = DraftPlace { thread: Some(message_id(1)), ..draft(1) };
        assert_eq!(files.add(thread, vec![chosen(14)]), 0, "and so has a thread");
        assert_eq!((files.of_draft(thread).count(), files.of_draft(draft(1)).count()), (1, 10));
    }

    #[test]
    fn two_files_are_uploaded_at_once_in_the_order_of_choice() {
        let mut files = added(1..=3);
        assert_eq!(started(&mut files, NOON), [attachment_id(1), attachment_id(2)]);
        assert_eq!(started(&mut files, NOON), []);
        stored(&mut files, 2);
        assert_eq!(started(&mut files, NOON), [attachment_id(3)]);
    }

    #[test]
    fn a_draft_can_be_sent_when_the_server_has_all_of_its_files() {
        let mut files = added(1..=2);
        files.start(NOON);
        stored(&mut files, 1);
        assert_eq!(state(&files), (true, false, 1));
        files.fail(attachment_id(2), "The server has no room.".to_owned(), true);
        assert_eq!(state(&files), (false, true, 1));
        files.retry(attachment_id(2));
        assert_eq!(started(&mut files, NOON), [attachment_id(2)], "under the same id");
        stored(&mut files, 2);
        assert_eq!(state(&files), (false, false, 2));
        assert!(files.in_store(draft(2)).is_empty());
        files.describe(attachment_id(1), " A cat ".to_owned()).unwrap();
        let taken = files.in_store(draft(1));
        assert_eq!(
            taken.iter().map(|file| file.id).collect::<Vec<_>>(),
            [attachment_id(1), attachment_id(2)]
        );
        assert_eq!(taken[0].alt.as_ref().map(AltText::as_str), Some("A cat"));
        assert_eq!(taken[1].alt, None);
        files.add(draft(1), vec![chosen(3)]);
        files.remove_stored(draft(1));
        assert_eq!(state(&files), (true, false, 0), "what was added since stays");
    }

    #[test]
    fn a_file_that_is_removed_lets_the_others_be_sent() {
        let mut files = added(1..=2);
        files.start(NOON);
        stored(&mut files, 1);
        files.remove(attachment_id(2));
        assert_eq!(state(&files), (false, false, 1));
        // What comes late from its upload means nothing.
        stored(&mut files, 2);
        files.sent(attachment_id(2), 7);
        assert_eq!(files.of_draft(draft(1)).count(), 1);
    }

    #[test]
    fn after_a_passing_failure_a_file_waits_longer_each_time_until_the_connection_is_back() {
        let mut files = added([1]);
        files.start(NOON);
        assert_eq!(files.postpone(attachment_id(1), NOON, 1.0, 0), 1_000);
        assert!(files.get(attachment_id(1)).unwrap().is_repeated());
        assert_eq!(started(&mut files, NOON + 999), []);
        assert_eq!(started(&mut files, NOON + 1_000), [attachment_id(1)]);
        assert_eq!(files.postpone(attachment_id(1), NOON, 1.0, 0), 2_000);
        assert_eq!(state(&files), (true, false, 0));
        files.wake();
        assert_eq!(started(&mut files, NOON), [attachment_id(1)]);
        assert_eq!(files.postpone(attachment_id(1), NOON, 1.0, 60_000), 60_000, "as the server wants it");
        stored(&mut files, 1);
        assert!(!files.get(attachment_id(1)).unwrap().is_repeated());
    }

    #[test]
    fn a_file_that_is_too_large_fails_before_it_is_sent() {
        let mut files = added([1]);
        files.refuse_larger(1_000, Some(1_000));
        assert_eq!(state(&files), (true, false, 0));
        let failed = |detail: &str| Stage::Failed { detail: detail.to_owned(), may_retry: false };
        let mut per_day = files.clone();
        per_day.refuse_larger(1_000, Some(999));
        let words = "This file is larger than the 999 bytes that you may upload per day.";
        assert_eq!(per_day.get(attachment_id(1)).unwrap().stage, failed(words));
        files.refuse_larger(999, Some(10));
        let words = "This file is larger than the limit of 999 bytes.";
        assert_eq!(files.get(attachment_id(1)).unwrap().stage, failed(words));
        assert_eq!(started(&mut files, NOON), []);
    }

    #[test]
    fn progress_is_told_in_percent_and_is_not_whole_before_the_server_has_the_file() {
        let mut files = added([1]);
        let percent = |files: &DraftFiles| files.get(attachment_id(1)).unwrap().percent();
        assert_eq!(percent(&files), 0);
        files.sent(attachment_id(1), 425);
        assert_eq!(percent(&files), 42);
        files.sent(attachment_id(1), 1_300);
        assert_eq!(percent(&files), 99);
        stored(&mut files, 1);
        assert_eq!(percent(&files), 100);
        files.files[0].chosen.size = 0;
        files.sent(attachment_id(1), 0);
        assert_eq!(percent(&files), 0, "an empty file");
    }

    #[test]
    fn words_that_are_too_long_do_not_replace_what_a_file_shows() {
        let mut files = added([1]);
        files.describe(attachment_id(1), "A cat".to_owned()).unwrap();
        assert!(files.describe(attachment_id(1), "x".repeat(501)).is_err());
        assert_eq!(files.get(attachment_id(1)).unwrap().alt, "A cat");
        files.describe(attachment_id(1), String::new()).unwrap();
        assert_eq!(files.get(attachment_id(1)).unwrap().alt, "");
    }

    #[test]
    fn a_room_that_is_gone_takes_its_files_along_and_so_does_the_user() {
        let mut files = added(1..=2);
        files.add(draft(2), vec![chosen(3)]);
        files.add(DraftPlace { thread: Some(message_id(1)), ..draft(1) }, vec![chosen(4)]);
        files.keep_rooms(|room| room != room_id(1));
        assert_eq!(files.of_draft(draft(1)).count(), 0);
        assert_eq!(files.of_draft(draft(2)).count(), 1);
        files.clear();
        assert!(files.is_empty());
    }
}
