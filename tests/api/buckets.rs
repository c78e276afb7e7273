//! Files in a bucket, by a server that speaks S3 (moto).

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use support::client::TestClient;
use support::db::TestDb;
use support::files::png;
use support::temp_dir::TempDir;
use support::wait::until;

use crate::program::{Program, command};

/// A server that speaks S3 and has one empty bucket.
struct Bucket {
    process: Child,
    addr: SocketAddr,
}

impl Bucket {
    fn start() -> Self {
        let program = std::env::var_os("PARLANCE_TEST_S3")
            .expect("PARLANCE_TEST_S3 is the path of moto_server, as ./script/test sets it");
        // A port that was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address");
        drop(listener);
        let mut server = Command::new(program);
        server.args(["-H", "127.0.0.1", "-p", &addr.port().to_string()]);
        let process = server
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("./script/setup test installs it");
        let bucket = Self { process, addr };
        until("the bucket is there", || {
            let made = TestClient::anonymous(addr).request("PUT", "/bucket").body("").try_send().ok()?;
            (made.status == 200).then_some(())
        });
        bucket
    }

    /// How many objects have a key with this beginning.
    fn count(&self, prefix: &str) -> usize {
        let list = TestClient::anonymous(self.addr).get("/bucket?list-type=2").expect(200);
        list.text().matches(&format!("<Key>{prefix}")).count()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(bucket: &Bucket, db: &TestDb, location: &str) -> Command {
    run(bucket, db, location, &["--port", "0", "--rate-limits", "off"])
}

fn run(bucket: &Bucket, db: &TestDb, location: &str, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.args(["--database-url", db.url(), "--files", location]);
    command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_REGION", "eu-central-1").env("AWS_ENDPOINT_URL", format!("http://{}", bucket.addr));
    command
}

#[test]
fn files_are_stored_served_and_deleted_in_a_bucket() {
    let (bucket, db) = (Bucket::start(), TestDb::new());
    let location = "s3://bucket/some/place";
    let program = Program::start_command(&mut start(&bucket, &db, location));
    let alice = TestClient::guest(program.client().addr(), "Alice");
    let room = alice.create_room("Files");
    // More than one part.
    let large: Vec<u8> = (0..6 * 1024 * 1024).map(|number: u32| (number % 251) as u8).collect();
    let file = alice.upload(room.id, "large.bin", large.clone());
    let image = alice.upload(room.id, "cat.png", png(40, 30));
    assert_eq!((image.width, image.height), (Some(40), Some(30)));
    let sent = alice.send_files(room.id, "both", &[&file, &image]);
    assert_eq!(alice.get(&file.url).expect(200).body, large);
    let range = alice.request("GET", &file.url).header("range", "bytes=5242870-5242890").send().expect(206);
    assert_eq!(range.body, large[5_242_870..=5_242_890]);
    alice.get(image.thumbnail_url.as_deref().expect("a thumbnail")).expect(200);
    alice.set_avatar(png(20, 20)).expect(200);
    assert_eq!(bucket.count("some/place/"), 5, "two files, a thumbnail, and a picture in two sizes");
    alice.delete_message(&sent);
    // The janitor cleans up when it starts, and then every minute.
    program.stop();
    let program = Program::start_command(&mut start(&bucket, &db, location));
    until("only the picture is left", || (bucket.count("some/place/") == 2).then_some(()));
    program.stop();
}

#[test]
fn a_backup_has_the_files_of_a_bucket_and_is_restored_into_another() {
    let (bucket, db, restored, dir) = (Bucket::start(), TestDb::new(), TestDb::empty(), TempDir::new());
    let program = Program::start_command(&mut start(&bucket, &db, "s3://bucket/one"));
    let alice = TestClient::guest(program.client().addr(), "Alice");
    let room = alice.create_room("Files");
    // More than one part.
    let large: Vec<u8> = (0..6 * 1024 * 1024).map(|number: u32| (number % 251) as u8).collect();
    let (file, image) =
        (alice.upload(room.id, "large.bin", large.clone()), alice.upload(room.id, "cat.png", png(40, 30)));
    alice.send_files(room.id, "both", &[&file, &image]);
    let backup = dir.path().join("backup.tar");
    let backup = backup.to_str().expect("text");
    let output = run(&bucket, &db, "s3://bucket/one", &["backup", backup]).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program.stop();
    let output =
        run(&bucket, &restored, "s3://bucket/two", &["restore", backup]).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((bucket.count("one/"), bucket.count("two/")), (3, 3));
    let program = Program::start_command(&mut start(&bucket, &restored, "s3://bucket/two"));
    assert_eq!(program.client().get(&file.url).expect(200).body, large);
    program.client().get(image.thumbnail_url.as_deref().expect("a thumbnail")).expect(200);
    program.stop();
}

#[test]
fn a_bucket_that_is_not_there_is_said_at_the_start() {
    let (bucket, db) = (Bucket::start(), TestDb::new());
    for (location, expected) in
        [("s3://absent/place", "s3://absent/place"), ("ftp://bucket", "s3://bucket/prefix")]
    {
        let output = start(&bucket, &db, location).output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains("Cannot store files") && said.contains(expected), "{said}");
    }
}
