//! The first load is small: all that a browser fetches to show the first message, compressed as it travels.
//!
//! What is fetched on demand has a budget of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use support::temp_dir::TempDir;

/// In bytes, with Brotli; 1 KB is 1000 B.
const BUDGET: u64 = 254_000;
/// What is fetched on demand may take.
const LATER_BUDGET: u64 = 202_000;
/// How the names of files begin that are fetched on demand.
const LATER: &str = "later-";

const BUILD_FIRST: &str = "build the client first, with ./script/build-client";

/// The files of `directory`, as paths from `root`.
fn files(root: &Path, directory: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}: {BUILD_FIRST}", directory.display()));
    for entry in entries {
        let path = entry.expect("the directory stays while it is read").path();
        if path.is_dir() {
            files(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).expect("it was found below").to_owned());
        }
    }
}

/// The uncompressed files of the client.
fn plain_files(dist: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(dist, dist, &mut all);
    let is_compressed =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "br" || extension == "gz");
    all.retain(|path| !is_compressed(path));
    all
}

/// Whether a file is fetched on demand. The page itself never names one.
fn is_later(path: &Path) -> bool {
    path.to_string_lossy().starts_with(LATER)
}

/// `index.html` and all files that it references, directly or indirectly, but for those that are fetched on demand.
/// These may be more than are fetched.
fn first_load(dist: &Path) -> BTreeSet<PathBuf> {
    let candidates = plain_files(dist);
    let is_built = candidates.iter().any(|path| path == Path::new("index.html"));
    assert!(is_built, "there is no index.html in {}: {BUILD_FIRST}", dist.display());
    let mut load = BTreeSet::new();
    let mut unread = vec![PathBuf::from("index.html")];
    while let Some(path) = unread.pop() {
        // A binary file, such as the wasm, references no others.
        let text = fs::read_to_string(dist.join(&path)).unwrap_or_default();
        let is_page = path == Path::new("index.html");
        let is_named = |file: &&PathBuf| {
            (is_page || !is_later(file))
                && file.file_name().is_some_and(|name| text.contains(&*name.to_string_lossy()))
        };
        unread.extend(candidates.iter().filter(is_named).filter(|file| !load.contains(*file)).cloned());
        load.insert(path);
    }
    load
}

/// The size of a file on the wire: that of its compressed form, if there is one.
fn weight(dist: &Path, path: &Path) -> u64 {
    let plain = dist.join(path);
    let compressed = PathBuf::from(format!("{}.br", plain.display()));
    let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
    let needs_compression =
        path.extension().is_some_and(|e| ["html", "js", "wasm", "css", "svg"].iter().any(|n| e == *n));
    match size(&compressed) {
        Ok(size) => size,
        Err(_) if needs_compression => panic!("{} has no .br beside it", path.display()),
        Err(_) => size(&plain).expect("the file was just listed"),
    }
}

#[test]
fn the_first_load_stays_within_its_budget() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    let weights: Vec<_> = first_load(&dist).into_iter().map(|path| (weight(&dist, &path), path)).collect();
    for part in ["html", "js", "wasm", "css"] {
        assert!(
            weights.iter().any(|(_, path)| path.extension().is_some_and(|e| e == part)),
            "no {part} in {weights:?}"
        );
    }
    let total: u64 = weights.iter().map(|(weight, _)| weight).sum();
    let mut report =
        format!("first load: {:.1} KB of {:.0} KB, Brotli\n", total as f64 / 1000.0, BUDGET as f64 / 1000.0);
    for (weight, path) in &weights {
        report.push_str(&format!("  {:>7.1} KB  {}\n", *weight as f64 / 1000.0, path.display()));
    }
    let later: u64 =
        plain_files(&dist).iter().filter(|path| is_later(path)).map(|path| weight(&dist, path)).sum();
    report.push_str(&format!(
        "on demand: {:.1} KB of {:.0} KB\n",
        later as f64 / 1000.0,
        LATER_BUDGET as f64 / 1000.0
    ));
    // Directly to the terminal: the test runner hides the output of passing tests.
    std::io::stderr().write_all(report.as_bytes()).expect("the terminal is there");
    let hint = "built with a compiled standard library it is larger: see script/build-client";
    assert!(total <= BUDGET && later <= LATER_BUDGET, "{report}{hint}");
    assert!(later > 0, "nothing is fetched on demand: {report}");
}

#[test]
fn every_file_that_the_page_references_is_counted() {
    let dist = TempDir::new();
    let write =
        |name: &str, text: &str| fs::write(dist.path().join(name), text).expect("the folder is writable");
    write("index.html", "<script src=\"/app-1.js\">");
    write("index.html.br", "12345");
    write("app-1.js", "import './part.js'; fetch('/never.bin'); fetch('/later-1.wasm')");
    write("later-1.wasm", "1234567");
    write("app-1.js.br", "123");
    write("app-1.js.gz", "1234");
    write("part.js", "0");
    write("part.js.br", "1");
    write("icon.png", "not named");
    let load = first_load(dist.path());
    let names: Vec<_> = load.iter().map(|path| path.display().to_string()).collect();
    assert_eq!(names, ["app-1.js", "index.html", "part.js"]);
    assert_eq!(load.iter().map(|path| weight(dist.path(), path)).sum::<u64>(), 9);
}
