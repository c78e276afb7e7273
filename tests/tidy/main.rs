//! The rules of this repository, checked with the tests: who may name whom, what tests must cover, what documents claim.
//!
//! Every check is a function from texts to complaints, so that it can be tried on a bad text as well as on the project.

mod circles;
mod coverage;
mod documents;
mod hygiene;
mod layers;
mod settings;
mod tree;

/// Fails with every complaint on its own line.
#[track_caller]
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
