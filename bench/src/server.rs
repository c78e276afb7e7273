//! The servers under measurement: Parlance, the peer and the floor.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http::write_post;
use crate::pace::stamped_text;
use crate::process::{Program, cpu_time};
use crate::run::{ROOMS_OF_A_USER, Run, Version, token};
use crate::{Outcome, fail};

/// A running server.
pub struct Server {
    program: Program,
    /// The address that it listens on.
    pub addr: SocketAddr,
}

impl Server {
    /// A version of Parlance over its database, without rate limits.
    pub fn parlance(run: &Run, version: &Version) -> Outcome<Self> {
        Self::parlance_with(run, version, &[])
    }

    /// The same with these flags.
    pub fn parlance_with(run: &Run, version: &Version, flags: &[&str]) -> Outcome<Self> {
        let mut command = Command::new(&version.program);
        command.args(["--port", "0", "--rate-limits", "off", "--sockets", "60000", "--log", "warn"]);
        command.args(["--database-url", &run.cluster.url(version.database)]);
        command.args(flags);
        let program = Program::start(&run.scratch, version.name, &mut command)?;
        // "Parlance is running at http://127.0.0.1:40000"
        let line = program.line()?;
        let addr = line.rsplit_once('/').and_then(|(_, addr)| addr.parse().ok());
        Ok(Self { addr: addr.ok_or_else(|| fail(format!("Parlance prints {line:?}")))?, program })
    }

    /// socket.io, express and pg over their own tables in the same database.
    pub fn peer(run: &Run, installed: &Path) -> Outcome<Self> {
        let mut command = Command::new("node");
        command.arg(installed.join("server.mjs")).env("NODE_ENV", "production");
        command
            .env("PGHOST", run.cluster.socket_dir())
            .env("PGUSER", "parlance")
            .env("PGDATABASE", "postgres");
        Self::printing_its_address(Program::start(&run.scratch, "peer", &mut command)?)
    }

    /// The bare epoll loop.
    pub fn floor(run: &Run) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("floor");
        Self::printing_its_address(Program::start(&run.scratch, "floor", &mut command)?)
    }

    fn printing_its_address(program: Program) -> Outcome<Self> {
        let line = program.line()?;
        let addr =
            line.parse().map_err(|_| fail(format!("a server prints {line:?} instead of its address")))?;
        Ok(Self { addr, program })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// The CPU time that it has used so far.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(self.pid())
    }
}

/// Writes requests that send a message. A connection always sends as the same user, to each of that user's rooms in
/// turn: all, or of many rooms [`ROOMS_OF_A_USER`] that lie evenly among them.
pub fn sends<'a>(rooms: &'a [String], length: usize) -> impl FnMut(usize, Instant, &mut Vec<u8>) + use<'a> {
    let stride = rooms.len().div_ceil(ROOMS_OF_A_USER);
    let mut sent = 0;
    move |connection, due, bytes| {
        let room = &rooms[(connection + sent * stride) % rooms.len()];
        sent += 1;
        let json = format!(r#"{{"text":"{}"}}"#, stamped_text(due, length));
        write_post(bytes, &format!("/api/v1/rooms/{room}/messages"), &token(connection), &json);
    }
}
