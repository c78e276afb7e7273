//! Stores how far members have read, at most twice a second, and tells their connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::read_marks::{PutRead, ReadMark};
use shared::rooms::Room;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::db::read_marks::{self, Move, Moved};
use crate::db::{Conn, DbResult, mentions};
use crate::error::{AppError, AppResult};
use crate::realtime::read_marks::PendingMark;

/// The interval between two statements.
const INTERVAL: Duration = Duration::from_millis(500);
/// The longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// Moves the read mark of a member. Answers once it is stored.
///
/// # Errors
/// `member_not_found` if the user is no member; `outcome_unknown` if the database does not answer: the mark is stored
/// when it does.
pub async fn put(app: &App, user: UserId, room_id: RoomId, put: PutRead) -> AppResult<ReadMark> {
    let stored = app.hub.marks.put(user, room_id, put.seq, put.exact);
    match stored.await {
        Ok(Some(mark)) => Ok(mark),
        Ok(None) => Err(AppError::new(ErrorCode::MemberNotFound)),
        Err(_) => Err(AppError::new(ErrorCode::OutcomeUnknown)),
    }
}

/// The room as an answer to a user, whose mark may be about to move: they sent a message a moment ago.
///
/// # Errors
/// If the database does not answer.
pub async fn seen_by(app: &App, user: Option<UserId>, room: Room) -> DbResult<Room> {
    let stored = room.viewer.as_ref().and_then(|viewer| viewer.last_read_seq);
    let mut seen = app.hub.seen_by(user, room);
    let (Some(user), Some(viewer)) = (user, &mut seen.viewer) else { return Ok(seen) };
    if let Some(seq) = viewer.last_read_seq.filter(|seq| Some(*seq) != stored && *seq < seen.last_seq) {
        let room_id = seen.id;
        let count = move |conn: &mut Conn| mentions::count_unread(conn, room_id, user, seq);
        viewer.mentions = Some(app.db.run(count).await?);
    }
    Ok(seen)
}

/// Stores marks as they come, for ever.
pub async fn run(app: Arc<App>) {
    let mut pause = INTERVAL;
    loop {
        app.hub.marks.added().await;
        let started = Instant::now();
        // A database that does not answer is asked less and less often.
        pause = if store(&app).await { INTERVAL } else { MAX_PAUSE.min(pause * 2) };
        sleep_until(started + pause).await;
    }
}

/// Stores all marks that wait. Returns false if the database does not answer.
pub async fn store(app: &App) -> bool {
    let marks = app.hub.marks.take();
    if marks.is_empty() {
        return true;
    }
    let moves: Vec<Move> = marks.iter().map(to_move).collect();
    let moved: DbResult<Vec<Moved>> = app.db.run(move |conn| read_marks::move_all(conn, &moves)).await;
    let moved = match moved {
        Ok(moved) => moved,
        Err(error) => {
            tracing::warn!(%error, "read marks could not be stored");
            // Those who wait for an answer are told that there is none.
            let unanswered =
                marks.into_iter().map(|(key, mark)| (key, PendingMark { waiting: Vec::new(), ..mark }));
            app.hub.marks.put_back(unanswered.collect());
            return false;
        }
    };
    let moved: HashMap<(UserId, RoomId), Moved> =
        moved.into_iter().map(|moved| ((moved.user_id, moved.room_id), moved)).collect();
    for ((user, room_id), mark) in marks {
        let stored = moved.get(&(user, room_id));
        app.hub.marks.stored((user, room_id), stored.map(|stored| stored.mark.seq));
        if let Some(moved) = stored.filter(|moved| moved.is_changed && (mark.is_news || moved.had_mentions)) {
            app.hub.read_mark_moved(user, room_id, moved.mark);
        }
        for waiting in mark.waiting {
            // The client may be gone; its mark remains stored.
            let _ = waiting.send(stored.map(|stored| stored.mark));
        }
    }
    true
}

fn to_move(((user_id, room_id), mark): &((UserId, RoomId), PendingMark)) -> Move {
    let PendingMark { seq, is_exact, is_touch, .. } = *mark;
    Move { room_id: *room_id, user_id: *user_id, seq, is_exact, is_touch }
}
