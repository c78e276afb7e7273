//! Threads for work that keeps a processor busy for long, such as hashing passwords and decoding images. They are not
//! those of queries, which are as many as connections.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use thiserror::Error;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

/// The niceness of the threads, so that their work does not hold up messages.
const NICENESS: i32 = 10;

/// The work panicked, or the threads are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the work was not finished")]
pub struct Unfinished;

type Job = Box<dyn FnOnce() + Send>;

/// Some threads of a low priority. They end with the last handle.
pub struct Threads {
    jobs: Mutex<mpsc::Sender<Job>>,
    free: Arc<Semaphore>,
}

/// A thread that is free.
pub struct FreeThread(OwnedSemaphorePermit);

impl Threads {
    /// Starts as many threads as there are cores.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub fn start(name: &'static str) -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count {
            let queue = queue.clone();
            thread::Builder::new().name(format!("{name}-{number}")).spawn(move || {
                // On Linux a priority is that of the thread.
                if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
                    tracing::warn!(%error, name, "threads run at the priority of everything else");
                }
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    // The job's panic is its caller's error.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
                }
            })?;
        }
        Ok(Self { jobs: Mutex::new(jobs), free: Arc::new(Semaphore::new(count)) })
    }

    /// A free thread.
    ///
    /// # Errors
    /// If none is free now.
    pub fn try_acquire(&self) -> Result<FreeThread, TryAcquireError> {
        self.free.clone().try_acquire_owned().map(FreeThread)
    }

    /// Waits for a free thread.
    ///
    /// # Errors
    /// Never: the semaphore is not closed.
    pub async fn acquire(&self) -> Result<FreeThread, AcquireError> {
        self.free.clone().acquire_owned().await.map(FreeThread)
    }

    /// Runs work on a free thread. The work goes on if the caller does not wait for it.
    ///
    /// # Errors
    /// [`Unfinished`] if it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        free: FreeThread,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            let FreeThread(permit) = free;
            let result = work();
            drop(permit);
            let _ = reply.send(result);
        });
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job).map_err(|_| Unfinished)?;
        answer.await.map_err(|_| Unfinished)
    }
}
