//! Stores how far members have read, at most twice a second, and tells their connections.

use std::sync::Arc;
use std::time::Duration;

use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::read_marks::{PutRead, ReadMark};
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::db::DbResult;
use crate::db::read_marks::{self, Move, Moved};
use crate::error::{AppError, AppResult};
use crate::realtime::read_marks::PendingMark;

/// The interval between two statements.
const INTERVAL: Duration = Duration::from_millis(500);

/// Moves the read mark of a member. Answers once it is stored.
///
/// # Errors
/// `member_not_found` if the user is no member; `unavailable` if the database does not answer.
pub async fn put(app: &App, user: UserId, room_id: RoomId, put: PutRead) -> AppResult<ReadMark> {
    let stored = app.hub.marks.put(user, room_id, put.seq, put.exact);
    match stored.await {
        Ok(Some(mark)) => Ok(mark),
        Ok(None) => Err(AppError::new(ErrorCode::MemberNotFound)),
        Err(_) => Err(AppError::new(ErrorCode::Unavailable)),
    }
}

/// Stores marks as they come, for ever.
pub async fn run(app: Arc<App>) {
    loop {
        app.hub.marks.added().await;
        let started = Instant::now();
        store(&app).await;
        sleep_until(started + INTERVAL).await;
    }
}

/// Stores all marks that wait.
pub async fn store(app: &App) {
    let marks = app.hub.marks.take();
    if marks.is_empty() {
        return;
    }
    let moves: Vec<Move> = marks.iter().map(to_move).collect();
    let moved: DbResult<Vec<Moved>> = app.db.write(move |conn| read_marks::move_all(conn, &moves)).await;
    let moved = match moved {
        Ok(moved) => moved,
        Err(error) => {
            tracing::warn!(%error, "read marks could not be stored");
            // Those who wait for an answer are told that there is none.
            let unanswered =
                marks.into_iter().map(|(key, mark)| (key, PendingMark { waiting: Vec::new(), ..mark }));
            return app.hub.marks.put_back(unanswered.collect());
        }
    };
    app.hub.marks.stored();
    for Moved { room_id, user_id, mark, is_changed } in &moved {
        if *is_changed {
            app.hub.read_mark_moved(*user_id, *room_id, *mark);
        }
    }
    for ((user, room_id), mark) in marks {
        let stored = moved.iter().find(|moved| (moved.user_id, moved.room_id) == (user, room_id));
        for waiting in mark.waiting {
            // The client may be gone; its mark remains stored.
            let _ = waiting.send(stored.map(|stored| stored.mark));
        }
    }
}

fn to_move(((user_id, room_id), mark): &((UserId, RoomId), PendingMark)) -> Move {
    let PendingMark { seq, is_exact, is_touch, .. } = *mark;
    Move { room_id: *room_id, user_id: *user_id, seq, is_exact, is_touch }
}
