//! What is on its way to one connection: a queue bounded by bytes, which nobody waits for, and the socket that it
//! empties into.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use shared::events::CloseCode;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::frame::Frame;
use super::postman::Postman;

/// How much may wait for a reader, in bytes, before it is too slow.
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// Below this much, in bytes, a replay goes on.
const LOW_WATER_BYTES: usize = MAX_QUEUED_BYTES / 4;
/// The queue that is kept: its allocation would cost as much as all else that is done for a frame here.
const SMALL_QUEUE: usize = 4;
/// How many frames go into one write.
const FRAMES_PER_WRITE: usize = 64;

/// The frames that wait for one connection. The postman of its worker thread sends them as soon as they are there;
/// what the socket does not take at once is left to the connection's own task.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    postman: Arc<Postman>,
    stream: OnceLock<TcpStream>,
    attention: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    /// Of all that is not written, also of what is being written.
    bytes: usize,
    /// How much of the first frame is written.
    written: usize,
    phase: Phase,
    close: Option<CloseCode>,
    is_broken: bool,
}

/// Whose turn it is to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nobody's: there is nothing to send, or no socket yet.
    #[default]
    Idle,
    /// The postman has it on their list.
    Posted,
    /// Somebody is at it.
    Writing,
    /// The socket is full: its task waits until it is not.
    Blocked,
}

/// What the connection's task has to see to.
#[derive(Debug, PartialEq, Eq)]
pub enum Attention {
    /// The socket took no more: wait until it does and [`Outbox::flush`].
    Blocked,
    /// All is sent: say goodbye with this code.
    Close(CloseCode),
    /// The connection is gone.
    Broken,
}

impl Outbox {
    /// An empty outbox that `postman` sends from, once there is a socket.
    pub fn new(postman: Arc<Postman>) -> Self {
        Self {
            state: Mutex::default(),
            postman,
            stream: OnceLock::new(),
            attention: Notify::new(),
            drained: Notify::new(),
        }
    }

    /// The socket is ready: what waits goes out. Gives the socket, unless there was one already.
    pub fn open(&self, stream: TcpStream) -> Option<&TcpStream> {
        // There is one handshake a connection.
        self.stream.set(stream).ok()?;
        self.flush();
        self.stream.get()
    }

    /// Puts a frame at the end. A connection that has too much waiting is closed as a slow consumer.
    pub fn push(self: &Arc<Self>, frame: Frame) {
        let mut state = self.lock();
        if state.close.is_some() || state.is_broken {
            return;
        }
        state.bytes += frame.0.len();
        state.frames.push_back(frame);
        if state.bytes > MAX_QUEUED_BYTES {
            state.close = Some(CloseCode::SlowConsumer);
            // A frame that is begun is with who writes it, or the first.
            let has_begun = state.phase != Phase::Writing && state.written > 0;
            state.forget_what_waits(has_begun);
        } else if state.phase == Phase::Idle && self.stream.get().is_some() {
            state.phase = Phase::Posted;
            drop(state);
            self.postman.post(self);
        }
    }

    /// Ends the connection: after what waits, unless it is being closed already.
    pub fn close(&self, code: CloseCode) {
        let mut state = self.lock();
        if state.close.is_none() {
            state.close = Some(code);
        }
        drop(state);
        self.attention.notify_one();
        self.drained.notify_one();
    }

    /// Sends what waits, as far as the socket takes it.
    pub fn flush(&self) {
        self.flush_by(&mut Vec::new());
    }

    /// The same with a buffer, empty before and after, that spares an allocation.
    pub(super) fn flush_by(&self, batch: &mut Vec<Frame>) {
        let Some(stream) = self.stream.get() else { return };
        let mut state = self.lock();
        if state.phase == Phase::Writing {
            return;
        }
        while !state.frames.is_empty() && !state.is_broken {
            state.phase = Phase::Writing;
            let count = state.frames.len().min(FRAMES_PER_WRITE);
            batch.extend(state.frames.drain(..count));
            let written = state.written;
            drop(state);
            // Not under the lock: who publishes must not wait for a system call.
            let result = write(stream, batch, written);
            state = self.lock();
            state.settle(batch, *result.as_ref().unwrap_or(&0));
            match result {
                Ok(_) if state.bytes <= LOW_WATER_BYTES => self.drained.notify_one(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    state.phase = Phase::Blocked;
                    self.attention.notify_one();
                    return;
                }
                Err(_) => state.is_broken = true,
            }
        }
        state.phase = Phase::Idle;
        // An idle connection keeps no more than the smallest queue.
        if state.frames.capacity() > SMALL_QUEUE {
            state.frames = VecDeque::new();
        }
        if state.close.is_some() || state.is_broken {
            self.attention.notify_one();
        }
    }

    /// Waits for something that the postman cannot do.
    pub async fn attention(&self) -> Attention {
        loop {
            {
                let state = self.lock();
                match (state.phase, state.close) {
                    _ if state.is_broken => return Attention::Broken,
                    (Phase::Blocked, _) => return Attention::Blocked,
                    (Phase::Idle, Some(code)) => return Attention::Close(code),
                    _ => {}
                }
            }
            self.attention.notified().await;
        }
    }

    /// Waits until there is room for more of something long, or the connection closes.
    pub async fn drained(&self) {
        loop {
            {
                let state = self.lock();
                if state.bytes <= LOW_WATER_BYTES || state.close.is_some() || state.is_broken {
                    return;
                }
            }
            self.drained.notified().await;
        }
    }

    /// No panic happens under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes back what of `batch` is not written after `count` more bytes are.
    fn settle(&mut self, batch: &mut Vec<Frame>, count: usize) {
        self.bytes = self.bytes.saturating_sub(count);
        self.written += count;
        let mut whole = 0;
        while let Some(frame) = batch.get(whole)
            && self.written >= frame.0.len()
        {
            self.written -= frame.0.len();
            whole += 1;
        }
        for frame in batch.drain(..).skip(whole).rev() {
            self.frames.push_front(frame);
        }
        if self.close == Some(CloseCode::SlowConsumer) {
            self.forget_what_waits(self.written > 0);
        }
    }

    /// Drops what nobody will read, but for a frame that is begun: without its end the goodbye could not be read.
    fn forget_what_waits(&mut self, has_begun: bool) {
        self.frames.truncate(usize::from(has_begun));
        self.bytes =
            self.frames.iter().map(|frame| frame.0.len()).sum::<usize>().saturating_sub(self.written);
    }
}

/// One system call. `written` bytes of the first frame are gone already.
fn write(stream: &TcpStream, frames: &[Frame], written: usize) -> io::Result<usize> {
    let result = match frames {
        [frame] => stream.try_write(&frame.0[written..]),
        frames => {
            let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE];
            for (slice, frame) in slices.iter_mut().zip(frames) {
                *slice = IoSlice::new(&frame.0);
            }
            let mut slices = &mut slices[..frames.len()];
            IoSlice::advance_slices(&mut slices, written);
            stream.try_write_vectored(slices)
        }
    };
    match result {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    /// An outbox whose postman works, not yet open, and both ends of a connection.
    async fn outbox() -> (Arc<Outbox>, TcpStream, TcpStream) {
        let postman = Arc::new(Postman::default());
        tokio::spawn(postman.clone().run());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let reader =
            TcpStream::connect(listener.local_addr().expect("it listens")).await.expect("it listens");
        let (writer, _) = listener.accept().await.expect("it connected");
        (Arc::new(Outbox::new(postman)), writer, reader)
    }

    fn frame(byte: u8, length: usize) -> Frame {
        Frame(Bytes::from(vec![byte; length]))
    }

    async fn read(reader: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).await.expect("they come");
        bytes
    }

    #[tokio::test]
    async fn frames_leave_in_order_also_those_that_came_before_the_socket() {
        let (outbox, writer, mut reader) = outbox().await;
        outbox.push(frame(1, 1));
        outbox.push(frame(2, 1));
        outbox.open(writer);
        for byte in 3..=200 {
            outbox.push(frame(byte, 1));
        }
        assert_eq!(read(&mut reader, 200).await, (1..=200).collect::<Vec<u8>>());
    }

    #[tokio::test]
    async fn a_full_socket_is_for_its_task_and_nothing_is_lost_or_torn() {
        const FRAMES: u8 = 200;
        const LENGTH: usize = 60_000;
        let (outbox, writer, mut reader) = outbox().await;
        outbox.open(writer);
        let sender = tokio::spawn({
            let outbox = outbox.clone();
            async move {
                for byte in 0..FRAMES {
                    outbox.drained().await;
                    outbox.push(frame(byte, LENGTH));
                }
            }
        });
        let task = tokio::spawn({
            let outbox = outbox.clone();
            async move {
                while outbox.attention().await == Attention::Blocked {
                    outbox.stream.get().expect("open").writable().await.expect("it is");
                    outbox.flush();
                }
            }
        });
        for byte in 0..FRAMES {
            assert!(read(&mut reader, LENGTH).await.iter().all(|read| *read == byte));
        }
        sender.await.expect("no panic");
        outbox.close(CloseCode::Normal);
        task.await.expect("no panic");
    }

    #[tokio::test]
    async fn a_reader_that_lets_too_much_wait_is_a_slow_consumer_and_gets_whole_frames_only() {
        const LENGTH: usize = 100_000;
        let (outbox, writer, mut reader) = outbox().await;
        let mut sent: u8 = 0;
        outbox.open(writer);
        while outbox.lock().close.is_none() {
            outbox.push(frame(sent, LENGTH));
            sent += 1;
            tokio::task::yield_now().await;
        }
        outbox.push(frame(sent, LENGTH));
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await.expect("it comes");
            all
        });
        loop {
            match outbox.attention().await {
                Attention::Blocked => {
                    outbox.stream.get().expect("open").writable().await.expect("it is");
                    outbox.flush();
                }
                other => {
                    assert_eq!(other, Attention::Close(CloseCode::SlowConsumer));
                    break;
                }
            }
        }
        let stream = outbox.stream.get().expect("open");
        socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write).expect("it is open");
        let all = reading.await.expect("no panic");
        assert_eq!(all.len() % LENGTH, 0, "no frame is torn");
        assert!(all.len() < usize::from(sent) * LENGTH, "what waited is dropped");
        assert!(all.chunks(LENGTH).zip(0..).all(|(frame, byte)| frame.iter().all(|read| *read == byte)));
    }

    #[tokio::test]
    async fn a_close_comes_after_what_waits() {
        let (outbox, writer, mut reader) = outbox().await;
        outbox.push(frame(1, 1));
        outbox.close(CloseCode::Restart);
        outbox.close(CloseCode::Internal);
        outbox.push(frame(2, 1));
        outbox.open(writer);
        assert_eq!(outbox.attention().await, Attention::Close(CloseCode::Restart));
        assert_eq!(read(&mut reader, 1).await, [1]);
    }
}
