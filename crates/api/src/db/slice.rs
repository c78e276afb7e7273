//! Messages of a room that lie side by side, together with the room: one statement, so one moment.
//!
//! With two statements a change could come between them, and a client would take the room's `rev` for that of messages
//! which it never got. `LEFT JOIN LATERAL`, which Diesel has no words for, gives the room also where it has no messages.

use diesel::expression::Expression;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use shared::ids::{MessageId, Rev, RoomId, Seq};

/// Which messages, and from which end they are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stretch {
    /// Those before a place, the nearest first.
    Before(Seq),
    /// Those after a place, the nearest first.
    After(Seq),
    /// Those on both sides of a place, and the one at it: up to the limit on each side.
    Around(Seq),
    /// The same around a message; none if it is not in the room.
    AroundMessage(MessageId),
    /// Those whose latest change lies after this one, in the order of these changes.
    ChangedAfter(Rev),
}

impl Stretch {
    /// Conditions and orders of the parts that it is read in.
    fn parts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Before(_) => &[("seq < ", "seq DESC")],
            Self::After(_) => &[("seq > ", "seq")],
            Self::Around(_) | Self::AroundMessage(_) => &[("seq <= ", "seq DESC"), ("seq > ", "seq")],
            Self::ChangedAfter(_) => &[("rev > ", "rev")],
        }
    }
}

/// The statement: `columns` of the room, its messages in this stretch and their authors. A row for each message, or a
/// single one without a message; none for an unknown or deleted room. They come in no order that is promised.
#[derive(Debug)]
pub(super) struct Slice<Columns> {
    pub(super) columns: Columns,
    pub(super) room_id: RoomId,
    pub(super) stretch: Stretch,
    pub(super) limit: i64,
}

impl<Columns: QueryFragment<Pg>> QueryFragment<Pg> for Slice<Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(" FROM rooms LEFT JOIN LATERAL (");
        for (number, (condition, order)) in self.stretch.parts().iter().enumerate() {
            out.push_sql(if number == 0 { "" } else { " UNION ALL " });
            out.push_sql("(SELECT * FROM messages WHERE room_id = rooms.id AND ");
            out.push_sql(condition);
            match &self.stretch {
                Stretch::Before(seq) | Stretch::After(seq) | Stretch::Around(seq) => {
                    out.push_bind_param::<BigInt, _>(&seq.0)?;
                }
                Stretch::ChangedAfter(rev) => out.push_bind_param::<BigInt, _>(&rev.0)?,
                Stretch::AroundMessage(id) => {
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
            ") AS messages ON true LEFT JOIN users ON users.id = messages.author_id WHERE rooms.id = ",
        );
        out.push_bind_param::<SqlUuid, _>(&self.room_id.0)?;
        out.push_sql(" AND rooms.deleted_at IS NULL");
        Ok(())
    }
}

impl<Columns> QueryId for Slice<Columns> {
    type QueryId = ();
    // Its text depends on the stretch.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns: Expression> Query for Slice<Columns> {
    type SqlType = Columns::SqlType;
}

impl<Columns> RunQueryDsl<PgConnection> for Slice<Columns> {}
