//! (i) Files: uploads and downloads beside nginx, pictures, and the memory that uploads take.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use image::{ImageBuffer, ImageFormat, Rgb};

use crate::http::whole_length;
use crate::process::{Program, memory};
use crate::report::{Goal, Section, Target};
use crate::run::{Run, token};
use crate::server::Server;
use crate::stats::Spread;
use crate::{Outcome, fail};

/// The size of a file.
const LENGTH: usize = 25 * 1024 * 1024;
/// Where a range begins: it is most of the file.
const RANGE_START: usize = 1_000_000;
/// How often each transfer is measured.
const TIMES: usize = 15;
/// The same in a quick run.
const FEW_TIMES: usize = 3;
/// How many files are uploaded at once.
const AT_ONCE: usize = 20;
/// Width and height of a photo of 12 megapixels.
const PHOTO: (u32, u32) = (4_000, 3_000);
const KIB: f64 = 1024.0;

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let mut section = Section::new("(i) Files");
    let rooms = run.create_rooms(&run.now, "files", 1)?;
    let data_dir = run.scratch.join("files");
    let data = data_dir.display().to_string();
    let server = Server::parlance_with(run, &run.now, &["--data-dir", &data])?;
    let times = if run.rounds == 1 { FEW_TIMES } else { TIMES };
    let authorization = format!("authorization: Bearer {}\r\n", token(0));
    let upload = |addr: SocketAddr| -> Outcome<String> {
        let path = format!("/api/v1/rooms/{}/uploads?filename=large.bin", rooms[0]);
        let head = request("POST", &path, &format!("{authorization}content-length: {LENGTH}\r\n"));
        let answer = exchange(addr, &head, LENGTH)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        if text.starts_with("HTTP/1.1 201") {
            Ok(text)
        } else {
            Err(fail(format!("an upload is answered with {text}")))
        }
    };

    run.say("(i) memory of uploads");
    let before = memory(server.pid())?.rss;
    let peak = peak_of(server.pid(), || {
        thread::scope(|scope| {
            let uploads: Vec<_> =
                (0..AT_ONCE).map(|_| scope.spawn(|| upload(server.addr).map(drop))).collect();
            uploads
                .into_iter()
                .try_for_each(|upload| upload.join().map_err(|_| fail("an upload panicked"))?)
        })
    })?;
    let grown = (peak - before) / KIB;
    let what = format!("{AT_ONCE} uploads of 25 MiB at once: memory above rest");
    section.goal(Goal::new(what, Target::AtMost(64.0), Spread::of([grown])).with_unit(" MiB"));

    run.say("(i) pictures");
    let photo = photo()?;
    let put = request(
        "PUT",
        "/api/v1/users/me/avatar",
        &format!("{authorization}content-length: {}\r\n", photo.len()),
    );
    let avatars: Outcome<Vec<f64>> = (0..times)
        .map(|_| {
            timed(|| {
                let answer = exchange_bytes(server.addr, &put, &photo)?;
                if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err(fail("a picture is refused")) }
            })
        })
        .collect();
    let what = "A photo of 12 megapixels becomes a picture";
    section.goal(Goal::new(what, Target::AtMost(400.0), Spread::of(avatars?)).with_unit(" ms"));

    match Nginx::start(run) {
        Ok(nginx) => {
            run.say("(i) uploads and downloads beside nginx");
            let put = request("PUT", "/large.bin", &format!("content-length: {LENGTH}\r\n"));
            let url = {
                let answer = upload(server.addr)?;
                let url = answer.split("\"url\":\"").nth(1).and_then(|rest| rest.split('"').next());
                url.ok_or_else(|| fail("an upload has no URL"))?.to_owned()
            };
            let range = format!("range: bytes={RANGE_START}-\r\n");
            let ours = request("GET", &url, &format!("{authorization}{range}"));
            let theirs = request("GET", "/large.bin", &range);
            let (mut uploads, mut downloads) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
            for _ in 0..times {
                uploads[0].push(timed(|| upload(server.addr).map(drop))?);
                uploads[1].push(timed(|| exchange(nginx.addr, &put, LENGTH).map(drop))?);
                downloads[0].push(timed(|| download(server.addr, &ours))?);
                downloads[1].push(timed(|| download(nginx.addr, &theirs))?);
            }
            let rates = |[ours, theirs]: &[Vec<f64>; 2]| {
                Spread::of(theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours))
            };
            section.goal(Goal::new("Upload of 25 MiB: rate ÷ nginx", Target::AtLeast(0.5), rates(&uploads)));
            section.goal(Goal::new(
                "Download of a range: rate ÷ nginx",
                Target::AtLeast(0.7),
                rates(&downloads),
            ));
            let millis = |times: &[f64]| format!("{:.1}", Spread::of(times.iter().copied()).median);
            section.note(format!(
                "nginx stores an upload by way of client_body_temp and serves by sendfile. In milliseconds, Parlance and \
                 nginx: upload {} and {}, download {} and {}. Parlance judges the type of each upload, and stores its row.",
                millis(&uploads[0]), millis(&uploads[1]), millis(&downloads[0]), millis(&downloads[1]),
            ));
        }
        Err(error) => {
            section.note(format!("Without nginx ({error}), transfers have no reference and were left out."))
        }
    }
    drop(server);
    fs::remove_dir_all(&data_dir)?;
    Ok(section)
}

fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// The most memory of a process while something is done, in KiB.
fn peak_of(pid: u32, work: impl FnOnce() -> Outcome<()> + Send) -> Outcome<f64> {
    thread::scope(|scope| {
        let working = scope.spawn(work);
        let mut peak: f64 = 0.0;
        while !working.is_finished() {
            peak = peak.max(memory(pid)?.rss);
            thread::sleep(Duration::from_millis(1));
        }
        working.join().map_err(|_| fail("the work panicked"))??;
        Ok(peak)
    })
}

fn photo() -> Outcome<Vec<u8>> {
    // Soft shapes with some noise, as cameras make them.
    let image = ImageBuffer::from_fn(PHOTO.0, PHOTO.1, |x, y| {
        let wave = |scale: f64, shift: f64| {
            ((f64::from(x) / scale).sin() + (f64::from(y) / scale + shift).cos()) * 50.0
        };
        let noise = f64::from((x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 28);
        Rgb([wave(700.0, 0.0), wave(400.0, 1.0), wave(250.0, 2.0)].map(|value| (value + 120.0 + noise) as u8))
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Jpeg).map_err(|error| fail(error.to_string()))?;
    Ok(bytes.into_inner())
}

fn request(method: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

/// Sends a head and a body of so many bytes, and returns the answer.
fn exchange(addr: SocketAddr, head: &[u8], length: usize) -> Outcome<Vec<u8>> {
    exchange_bytes(addr, head, &vec![7; length])
}

fn exchange_bytes(addr: SocketAddr, head: &[u8], body: &[u8]) -> Outcome<Vec<u8>> {
    let mut stream = TcpStream::connect(addr)?;
    stream.write_all(head)?;
    stream.write_all(body)?;
    let mut answer = vec![0; 16 * 1024];
    let mut length = 0;
    while whole_length(&answer[..length]).is_none() {
        match stream.read(&mut answer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    answer.truncate(length);
    Ok(answer)
}

/// Reads a whole answer and drops it.
fn download(addr: SocketAddr, head: &[u8]) -> Outcome<()> {
    let mut stream = TcpStream::connect(addr)?;
    stream.write_all(head)?;
    let mut buffer = vec![0; 256 * 1024];
    let mut received = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            count => received += count,
        }
    }
    if received > LENGTH - RANGE_START { Ok(()) } else { Err(fail("a download broke off")) }
}

/// nginx with one folder, which it takes uploads into and serves.
struct Nginx {
    addr: SocketAddr,
    _program: Program,
}

impl Nginx {
    fn start(run: &Run) -> Outcome<Self> {
        let folder = run.scratch.join("nginx");
        fs::create_dir_all(folder.join("files"))?;
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = folder.join("nginx.conf");
        fs::write(&config, nginx_config(&folder, addr))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&config).args(["-e", "stderr"]);
        let program = Program::start(&run.scratch, "nginx", &mut command)?;
        let began = Instant::now();
        while TcpStream::connect(addr).is_err() {
            if began.elapsed() > Duration::from_secs(5) {
                return Err(fail("nginx does not start"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { addr, _program: program })
    }
}

fn nginx_config(folder: &Path, addr: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 2; pid {folder}/nginx.pid; user root;\nevents {{}}\nhttp {{ access_log off; \
         client_body_temp_path {folder}/body; sendfile on; tcp_nodelay on; client_max_body_size 100m; \
         server {{ listen {addr}; root {folder}/files; location / {{ dav_methods PUT; }} }} }}\n"
    )
}
