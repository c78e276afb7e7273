//! The rules of this repository: dependencies between modules, coverage by tests, and the truth of documents.
//!
//! Each check is a function from files to complaints, so that it can be tested with samples.

mod circles;
mod coverage;
mod documents;
mod hygiene;
mod layers;
mod roles;
mod settings;
mod tree;

/// Fails if there are complaints, with one per line.
#[track_caller]
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
