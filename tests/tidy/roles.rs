//! The README's table of roles is what the policy says.

use api::policy::{Actor, Decision, Standing, may};
use shared::members::{Operation, Role};
use shared::rooms::{Posting, Visibility};
use shared::users::UserKind;

use crate::assert_none;
use crate::tree;

/// The columns of the table.
const COLUMNS: [(&str, Option<Role>, bool); 6] = [
    ("Out", None, false),
    ("Guest", Some(Role::Guest), false),
    ("Member", Some(Role::Member), false),
    ("Moderator", Some(Role::Moderator), false),
    ("Owner", Some(Role::Owner), false),
    ("Admin of the server", None, true),
];

/// What a cell must say about an operation.
fn cell(operation: Operation, role: Option<Role>, is_admin: bool) -> &'static str {
    let is_allowed = |visibility| {
        let (is_own, posting, is_banned, is_muted) = (false, Posting::All, false, false);
        let standing = Standing { visibility, is_own, posting, role, is_banned, is_muted };
        may(Actor::User { kind: UserKind::Member, is_admin }, operation, &standing) == Decision::Allow
    };
    match (is_allowed(Visibility::Public), is_allowed(Visibility::Private)) {
        (true, true) => "yes",
        (true, false) => "public",
        (false, false) => "no",
        (false, true) => "private",
    }
}

/// The rows of the table: the operations, and the cells.
fn rows(markdown: &str) -> Vec<(Vec<Operation>, Vec<String>)> {
    let table = markdown.lines().skip_while(|line| !line.starts_with("| In a room ")).skip(2);
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = cells(line).into_iter();
            let names = cells.next().unwrap_or_default();
            let named = |operation: &Operation| names.contains(&format!("`{}`", operation.name()));
            (Operation::ALL.iter().copied().filter(named).collect(), cells.collect())
        })
        .collect()
}

fn differences(markdown: &str) -> Vec<String> {
    let rows = rows(markdown);
    let mut complaints = Vec::new();
    for operation in Operation::ALL.iter().copied().filter(|one| *one != Operation::EditAnyMessage) {
        let mut of_operation = rows.iter().filter(|(operations, _)| operations.contains(&operation));
        let Some((_, cells)) = of_operation.next() else {
            complaints.push(format!("README.md has no row for {}", operation.name()));
            continue;
        };
        for ((column, role, is_admin), written) in COLUMNS.into_iter().zip(cells) {
            let expected = cell(operation, role, is_admin);
            if expected != written {
                let name = operation.name();
                complaints
                    .push(format!("README.md says {written:?} for {name} × {column}, not {expected:?}"));
            }
        }
    }
    complaints
}

#[test]
fn the_readmes_table_of_roles_is_the_policy() {
    assert_none(differences(&tree::read("README.md")));
}

#[test]
fn differences_between_table_and_policy_are_seen() {
    let table = "| In a room | Out | Guest | Member | Moderator | Owner | Admin of the server |\n\
                 | --- | --- | --- | --- | --- | --- | --- |\n\
                 | `view` | yes | yes | yes | yes | yes | public |\n";
    let found = differences(table);
    assert!(found.iter().any(|complaint| complaint.contains("view × Out")), "{found:?}");
    assert!(found.iter().any(|complaint| complaint.contains("no row for join")), "{found:?}");
}
