//! Support.

pub mod temp_dir;
pub mod wait;
