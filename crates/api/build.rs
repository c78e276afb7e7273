//! Tells cargo to build the server again when what it carries has changed.

use std::{fs, io};

/// What `trunk build` writes and the server embeds.
const DIST: &str = "../../dist";

fn main() -> io::Result<()> {
    // Cargo would take a folder that is not there for changed at every build.
    fs::create_dir_all(DIST)?;
    println!("cargo:rerun-if-changed={DIST}");
    println!("cargo:rerun-if-changed=../../migrations");
    Ok(())
}
