//! What people upload: judging the type, removing metadata, decoding, and the names of files.
#![no_main]

use api::files::image::{avatar, prepare};
use api::files::kind::{Judge, Kind};
use api::files::name::clean;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = clean(&String::from_utf8_lossy(bytes));
    assert!(!name.is_empty() && name.len() <= 200 && !name.contains(['/', '\\', '\0', '\n']));
    let mut judge = Judge::new(&name);
    for chunk in bytes.chunks(1_000) {
        judge.push(chunk);
    }
    if let Kind::Image(kind) = judge.finish()
        && let Ok(prepared) = prepare(kind, bytes)
    {
        let again = prepare(kind, &prepared.bytes).expect("what is stored is an image");
        assert_eq!(again.bytes, prepared.bytes);
    }
    let _ = avatar(bytes);
});
