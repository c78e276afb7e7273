//! Hostile files: more than a hundred, made here. Each is refused with its code or served inert, within bounds.

use std::time::{Duration, Instant};

use image::ImageFormat;
use shared::files::Attachment;
use support::app::TestApp;
use support::files::{encoded, picture};

/// No file may keep the server busy for longer.
const PATIENCE: Duration = Duration::from_secs(6);
/// What a browser would run if it took the file for a page.
const SCRIPT: &[u8] = b"<script>alert(document.cookie)</script>";
/// Media types that a browser may show in the page, with their disposition.
const SHOWN: [&str; 6] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "text/plain; charset=utf-8", "audio/mpeg"];

/// A file: what it is, its name and its bytes.
struct Hostile {
    what: String,
    filename: String,
    content_type: &'static str,
    bytes: Vec<u8>,
}

fn hostile(what: impl Into<String>, filename: &str, bytes: Vec<u8>) -> Hostile {
    Hostile { what: what.into(), filename: filename.to_owned(), content_type: "text/html", bytes }
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name, data].concat();
    let length = u32::try_from(data.len()).expect("small").to_be_bytes();
    [&length[..], &named, &crc(&named).to_be_bytes()].concat()
}

/// The checksum of PNG, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// A PNG that claims these sides.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(&picture(4, 4), ImageFormat::Png);
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    bytes.splice(8..33, chunk(b"IHDR", &header));
    bytes
}

fn corpus() -> Vec<Hostile> {
    let formats = [
        ("png", ImageFormat::Png),
        ("jpg", ImageFormat::Jpeg),
        ("gif", ImageFormat::Gif),
        ("webp", ImageFormat::WebP),
    ];
    let mut files = Vec::new();
    for (extension, format) in formats {
        let image = encoded(&picture(64, 48), format);
        let name = format!("cat.{extension}");
        let mut add =
            |what: &str, bytes: Vec<u8>| files.push(hostile(format!("{extension}: {what}"), &name, bytes));
        add("a script behind the end", [&image, SCRIPT].concat());
        add("a ZIP behind the end", [&image[..], b"PK\x03\x04", SCRIPT].concat());
        add("a script before the beginning", [SCRIPT, &image].concat());
        add("a PDF before the beginning", [b"%PDF-1.7\n", &image[..]].concat());
        add("its first bytes alone", image[..8].to_vec());
        for part in 1..8 {
            add(&format!("{part} eighths"), image[..image.len() * part / 8].to_vec());
        }
        for step in [7, 13, 29] {
            let mut damaged = image.clone();
            damaged.iter_mut().skip(40).step_by(step).for_each(|byte| *byte ^= 0x5A);
            add(&format!("each {step}th byte is wrong"), damaged);
        }
        add("zeros behind the head", [&image[..30], &[0; 4_000]].concat());
        add("all ones behind the head", [&image[..30], &[0xFF; 4_000]].concat());
        files.push(hostile(format!("{extension} called html"), "cat.html", [&image, SCRIPT].concat()));
    }
    let png = encoded(&picture(64, 48), ImageFormat::Png);
    for (width, height) in [
        (0, 0),
        (1, 0),
        (u32::MAX, u32::MAX),
        (100_000, 100_000),
        (1, 2_000_000_000),
        (30_000, 30_000),
        (7_000, 7_000),
    ] {
        files.push(hostile(
            format!("a PNG that claims {width} × {height}"),
            "bomb.png",
            claiming(width, height),
        ));
    }
    let texts: Vec<u8> = (0..20_000).flat_map(|_| chunk(b"tEXt", b"a\0b")).collect();
    files.push(hostile("a PNG of 20,000 chunks", "deep.png", [&png[..33], &texts, &png[33..]].concat()));
    let mut lying = png.clone();
    lying[33..37].copy_from_slice(&u32::MAX.to_be_bytes());
    files.push(hostile("a PNG with a chunk of 4 GiB", "lying.png", lying));
    files.push(hostile(
        "a PNG with a script as text",
        "text.png",
        [&png[..33], &chunk(b"tEXt", SCRIPT), &png[33..]].concat(),
    ));

    let jpeg = encoded(&picture(64, 48), ImageFormat::Jpeg);
    for marker in [0xE0, 0xE1, 0xED, 0xFE] {
        let length = u16::try_from(SCRIPT.len() + 2).expect("short").to_be_bytes();
        let segment = [&[0xFF, marker], &length[..], SCRIPT].concat();
        let bytes = [&jpeg[..2], &segment, &jpeg[2..]].concat();
        files.push(hostile(format!("a JPEG with a script in {marker:X}"), "cat.jpg", bytes));
    }
    let scan = jpeg.windows(2).position(|bytes| bytes == [0xFF, 0xDA]).expect("a scan");
    let end = jpeg.len() - 2;
    let scans = [&jpeg[..end], &jpeg[scan..end].repeat(2_000), &jpeg[end..]].concat();
    files.push(hostile("a JPEG of 2,000 scans", "scans.jpg", scans));

    let gif = encoded(&picture(64, 48), ImageFormat::Gif);
    let end = gif.len() - 1;
    files.push(hostile("a GIF with its body twice", "twice.gif", [&gif[..end], &gif[13..]].concat()));
    let frame = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
    let long = [b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF", &frame.repeat(50_000)[..], b";"].concat();
    files.push(hostile("a GIF of 50,000 frames", "long.gif", long));
    files.push(hostile("a GIF that is a script", "a.gif", b"GIF89a/*\0\0\0\0\0*/=1;alert(1)//;".to_vec()));
    let comment = [&gif[..end], b"\x21\xFE", &[SCRIPT.len() as u8], SCRIPT, b"\0", &gif[end..]].concat();
    files.push(hostile("a GIF with a script as comment", "comment.gif", comment));
    let huge =
        b"GIF89a\xFF\xFF\xFF\xFF\x80\0\0\0\0\0\xFF\xFF\xFF\x2C\0\0\0\0\xFF\xFF\xFF\xFF\0\x02\x02\x44\x01\0;";
    files.push(hostile("a GIF that claims 65,535 × 65,535", "huge.gif", huge.to_vec()));

    let webp = encoded(&picture(64, 48), ImageFormat::WebP);
    let mut lying = webp.clone();
    lying[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    files.push(hostile("a WebP that claims 4 GiB", "lying.webp", lying));
    let mut longer = webp.clone();
    longer.extend([b"ODD ", &8_u32.to_le_bytes()[..], b"<script>"].concat());
    let length = u32::try_from(longer.len() - 8).expect("short").to_le_bytes();
    longer[4..8].copy_from_slice(&length);
    files.push(hostile("a WebP with an unknown chunk", "more.webp", longer));

    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>1</script></svg>".to_vec();
    for (name, bytes) in [
        ("a.svg", svg.clone()),
        ("a.png", svg.clone()),
        ("a.txt", svg),
        ("a.html", SCRIPT.to_vec()),
        ("a.txt", [b" \n\t", SCRIPT].concat()),
        ("a.txt", [b"\xEF\xBB\xBF", SCRIPT].concat()),
        ("a.xml", b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>".to_vec()),
        ("a.xhtml", b"plain words".to_vec()),
        ("a.pdf", [b"%PDF-1.7\n", SCRIPT].concat()),
        ("a.mp3", [b"ID3\x04\0\0\0\0\0\0", SCRIPT].concat()),
        ("a.zip", [b"PK\x03\x04", SCRIPT].concat()),
        ("a.txt", b"words \0 words".to_vec()),
        ("a.txt", vec![0xFF, 0xFE, 0x3C, 0, 0x73, 0]),
        ("a.txt", b"\xC0\xBCscript>".to_vec()),
        ("a.js", b"alert(1)".to_vec()),
        ("a.css", b"body { background: url(//evil) }".to_vec()),
        ("a.swf", b"CWS\x0Aflash".to_vec()),
        ("a.bmp", b"BM\0\0\0\0".to_vec()),
        ("a.ico", b"\0\0\x01\0\x01\0".to_vec()),
        ("a.tiff", b"II*\0\x08\0\0\0".to_vec()),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("a.exe", b"MZ\x90\0".to_vec()),
        ("a.bin", Vec::new()),
    ] {
        files.push(hostile(format!("{name} of {} bytes", bytes.len()), name, bytes));
    }
    for name in [
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "..%5C..%5Cwindows%5Csystem32",
        "%00",
        "a%00.png",
        "a%0D%0ASet-Cookie%3A%20a%3Db",
        "%E2%80%AEgnp.exe",
        "CON",
        "nul.txt",
        "com1.png",
        "...",
        "%20",
        "a%22%3B%20filename%3D%22b.html",
        "%F0%9F%90%88.png",
    ] {
        files.push(hostile(format!("the name {name}"), name, b"words".to_vec()));
    }
    files.push(hostile("a name of 1,000 characters", &"n".repeat(1_000), b"words".to_vec()));
    for content_type in
        ["text/html", "image/svg+xml", "application/xhtml+xml", "multipart/form-data", "a", ""]
    {
        let bytes = SCRIPT.to_vec();
        let what = format!("sent as {content_type:?}");
        files.push(Hostile { content_type, ..hostile(what, "a.html", bytes) });
    }
    files
}

#[test]
fn every_hostile_file_is_refused_or_served_inert() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let corpus = corpus();
    assert!(corpus.len() >= 100, "{} files", corpus.len());
    for Hostile { what, filename, content_type, bytes } in corpus {
        let started = Instant::now();
        let path = format!("{}?filename={filename}", shared::files::uploads_path(room.id));
        let upload = alice.request("POST", &path).header("content-type", content_type).body(bytes.clone());
        let answer = upload.send();
        assert_eq!(answer.status, 201, "{what}: {}", String::from_utf8_lossy(&answer.body));
        let file: Attachment = answer.json();
        let name = &file.filename;
        let is_plain = |character: char| !character.is_control() && !"/\\".contains(character);
        assert!(!name.is_empty() && name.len() <= 200 && name.chars().all(is_plain), "{what}: {name:?}");

        let served = alice.get(&file.url).expect(200);
        let header = |name: &str| served.header(name).unwrap_or_default().to_owned();
        let disposition = header("content-disposition");
        assert!(
            disposition.contains("; filename*=UTF-8\'\'") && !disposition.contains(['"', '<']),
            "{disposition}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
        if disposition.starts_with("inline") {
            let content_type = header("content-type");
            assert!(SHOWN.contains(&content_type.as_str()), "{what}: {content_type}");
            let has_script = served.body.windows(SCRIPT.len()).any(|bytes| bytes == SCRIPT);
            assert!(!has_script || content_type == "audio/mpeg", "{what}: the script is still there");
        } else {
            assert_eq!(served.body, bytes, "{what}: a plain file stays as it is");
            assert!(file.width.is_none() && file.thumbnail_url.is_none(), "{what}");
        }
        if file.width.is_some() {
            let image = image::load_from_memory(&served.body).expect("an image is an image");
            assert_eq!((Some(image.width()), Some(image.height())), (file.width, file.height), "{what}");
        }
        assert!(started.elapsed() < PATIENCE, "{what} took {:?}", started.elapsed());

        let picture = alice.set_avatar(bytes);
        assert!(matches!(picture.status, 200 | 415 | 422), "{what}: {}", picture.status);
        assert_eq!(picture.status == 200, file.width.is_some(), "{what}: {}", picture.text());
        assert!(started.elapsed() < PATIENCE * 2, "{what} took {:?}", started.elapsed());
    }
}
