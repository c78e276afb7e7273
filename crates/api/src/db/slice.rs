//! A range of a room's messages together with the room, read by one statement and so from one snapshot.
//!
//! With two statements a change could be committed between them. A client would then believe to have everything up to
//! the room's `rev` although it lacks some messages. `LEFT JOIN LATERAL`, which Diesel cannot express, returns the room
//! even if the range is empty.

use diesel::expression::Expression;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{BigInt, Nullable, SmallInt, Text, Uuid as SqlUuid};
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use uuid::Uuid;

use super::roles::role_from_number;
use super::rooms::visibility_from_text;
use super::{DbError, DbResult};
use crate::policy::{self, Principal};

/// The range of messages to read, and the end to start at.
#[derive(Clone, Copy, Debug)]
pub(super) enum PageRange {
    /// Messages before a position, the nearest first.
    Before(Seq),
    /// Messages after a position, the nearest first.
    After(Seq),
    /// The message at a position and those on both sides, up to the limit on each side.
    Around(Seq),
    /// The same around the position of a message. Empty if the message is not in the room.
    AroundMessage(MessageId),
    /// The first message of a thread and its replies, before a position, the nearest first.
    ThreadBefore(MessageId, Seq),
    /// The same after a position.
    ThreadAfter(MessageId, Seq),
    /// Messages whose latest change is after a revision, ordered by that change.
    ChangedAfter(Rev),
}

impl Reader {
    /// The user who reads; `None` without a session.
    pub(super) fn user(self) -> Option<UserId> {
        match self {
            Self::Client(Principal { id, .. }) => id,
            Self::Server => None,
        }
    }
}

impl PageRange {
    /// The conditions and orders of the subqueries whose union is the range.
    fn subqueries(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Before(_) => &[("seq < ", "seq DESC")],
            Self::After(_) => &[("seq > ", "seq")],
            Self::Around(_) | Self::AroundMessage(_) => &[("seq <= ", "seq DESC"), ("seq > ", "seq")],
            Self::ThreadBefore(..) => &[("root_id = ", "seq DESC"), ("id = ", "seq DESC")],
            Self::ThreadAfter(..) => &[("root_id = ", "seq"), ("id = ", "seq")],
            Self::ChangedAfter(_) => &[("rev > ", "rev")],
        }
    }
}

/// Who reads a room.
#[derive(Clone, Copy, Debug)]
pub enum Reader {
    /// The server, to publish changes to those who may see them.
    Server,
    /// The client of a request.
    Client(Principal),
}

/// The statement: selects `columns` from the room, its messages in the range with their authors and threads, and what the
/// reader is in the room.
#[derive(Debug)]
pub(super) struct Slice<Columns> {
    columns: Columns,
    room_id: RoomId,
    range: PageRange,
    limit: i64,
    reader_id: Option<Uuid>,
    is_client: bool,
}

/// Reads a range with these columns: one row per message in unspecified order, and a single row without a message if the
/// range is empty.
///
/// # Errors
/// [`DbError::NotFound`] for an unknown or deleted room, and one that the reader may not see.
pub(super) fn read<'query, Columns, Row>(
    conn: &mut PgConnection,
    reader: Reader,
    room_id: RoomId,
    range: PageRange,
    limit: i64,
    columns: Columns,
) -> DbResult<Vec<Row>>
where
    Slice<Columns>: LoadQuery<'query, PgConnection, (String, Option<i16>, Row)>,
{
    let reader_id = reader.user().map(|id| id.0);
    let is_client = matches!(reader, Reader::Client(_));
    let slice = Slice { columns, room_id, range, limit, reader_id, is_client };
    let rows: Vec<(String, Option<i16>, Row)> = slice.load(conn)?;
    let (visibility, role, ..) = rows.first().ok_or(DbError::NotFound)?;
    let is_visible = match reader {
        Reader::Server => true,
        Reader::Client(Principal { actor, .. }) => {
            policy::may_view(actor, visibility_from_text(visibility), role.map(role_from_number))
        }
    };
    if is_visible { Ok(rows.into_iter().map(|(_, _, row)| row).collect()) } else { Err(DbError::NotFound) }
}

impl<Columns: QueryFragment<Pg>> QueryFragment<Pg> for Slice<Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT rooms.visibility, reader.role, ");
        self.columns.walk_ast(out.reborrow())?;
        // Aggregated, so that there is a row in any case.
        out.push_sql(" FROM (SELECT max(role) AS role FROM memberships WHERE room_id = ");
        out.push_bind_param::<SqlUuid, _>(&self.room_id.0)?;
        out.push_sql(" AND user_id = ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.reader_id)?;
        out.push_sql(") AS reader, LATERAL (SELECT * FROM rooms WHERE id = ");
        out.push_bind_param::<SqlUuid, _>(&self.room_id.0)?;
        out.push_sql(" AND deleted_at IS NULL");
        // A room that the reader does not see is not looked at, and takes as long as none. The policy decides anyway.
        if self.is_client {
            out.push_sql(" AND reader.role IS NOT NULL UNION ALL SELECT * FROM rooms WHERE public_id = ");
            out.push_bind_param::<SqlUuid, _>(&self.room_id.0)?;
            out.push_sql(" AND reader.role IS NULL");
        }
        out.push_sql(") AS rooms");
        out.push_sql(" LEFT JOIN LATERAL (");
        for (number, (condition, order)) in self.range.subqueries().iter().enumerate() {
            out.push_sql(if number == 0 { "" } else { " UNION ALL " });
            out.push_sql("(SELECT * FROM messages WHERE room_id = rooms.id AND ");
            out.push_sql(condition);
            match &self.range {
                PageRange::Before(seq) | PageRange::After(seq) | PageRange::Around(seq) => {
                    out.push_bind_param::<BigInt, _>(&seq.0)?;
                }
                PageRange::ThreadBefore(root, seq) | PageRange::ThreadAfter(root, seq) => {
                    out.push_bind_param::<SqlUuid, _>(&root.0)?;
                    let is_before = matches!(self.range, PageRange::ThreadBefore(..));
                    out.push_sql(if is_before { " AND seq < " } else { " AND seq > " });
                    out.push_bind_param::<BigInt, _>(&seq.0)?;
                }
                PageRange::ChangedAfter(rev) => out.push_bind_param::<BigInt, _>(&rev.0)?,
                PageRange::AroundMessage(id) => {
                    out.push_sql("(SELECT seq FROM messages WHERE id = ");
                    out.push_bind_param::<SqlUuid, _>(&id.0)?;
                    out.push_sql(" AND room_id = ");
                    out.push_bind_param::<SqlUuid, _>(&self.room_id.0)?;
                    out.push_sql(")");
                }
            }
            out.push_sql(" ORDER BY ");
            out.push_sql(order);
            out.push_sql(" LIMIT ");
            out.push_bind_param::<BigInt, _>(&self.limit)?;
            out.push_sql(")");
        }
        out.push_sql(
            ") AS messages ON true LEFT JOIN users ON users.id = messages.author_id LEFT JOIN threads ON \
             threads.root_id = coalesce(messages.root_id, CASE WHEN messages.has_replies THEN messages.id END)",
        );
        Ok(())
    }
}

impl<Columns> QueryId for Slice<Columns> {
    type QueryId = ();
    // The SQL text depends on the range.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns: Expression> Query for Slice<Columns> {
    type SqlType = (Text, Nullable<SmallInt>, Columns::SqlType);
}

impl<Columns> RunQueryDsl<PgConnection> for Slice<Columns> {}
