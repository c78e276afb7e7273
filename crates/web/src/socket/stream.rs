//! A stream: commands go by POST, and events come by server-sent events or by long-poll.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::task::spawn_local;
use shared::errors::ErrorCode;
use shared::events::{CloseCode, ServerEvent};
use shared::ids::StreamId;
use shared::streams::MAX_COMMANDS;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{AbortController, EventSource, MessageEvent};

use super::link::{ABNORMAL, Incoming, Link, Listener};
use crate::browser;
use crate::client::{ClientError, streams};
use crate::state::connection::Transport;
use crate::wire::commands;

/// How long a poll waits for events, in seconds: less than what proxies allow a request to take.
const WAIT_SECONDS: u32 = 25;

struct Stream {
    transport: Transport,
    listener: Listener,
    id: Cell<Option<StreamId>>,
    is_over: Cell<bool>,
    /// What is to be said.
    waiting: RefCell<Vec<String>>,
    is_sending: Cell<bool>,
    source: RefCell<Option<Source>>,
    /// Ends the poll that is in flight.
    polling: Option<AbortController>,
}

/// The browser's reader of server-sent events.
struct Source {
    source: EventSource,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_error: Closure<dyn Fn()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        // The closures are about to go.
        self.source.set_onmessage(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// The client's end of a stream.
struct StreamLink(Rc<Stream>);

impl Link for StreamLink {
    fn send(&self, command: String) {
        self.0.say(command);
    }
}

impl Drop for StreamLink {
    fn drop(&mut self) {
        self.0.end();
        // Without it the others would see the user for as long as the server waits for a reader.
        if let Some(id) = self.0.id.take() {
            streams::delete(id);
        }
    }
}

/// Opens a stream.
pub fn open(transport: Transport, listener: Listener) -> Box<dyn Link> {
    let stream = Rc::new(Stream {
        transport,
        listener,
        id: Cell::new(None),
        is_over: Cell::new(false),
        waiting: RefCell::default(),
        is_sending: Cell::new(false),
        source: RefCell::default(),
        polling: AbortController::new().ok(),
    });
    spawn_local(start(Rc::clone(&stream)));
    Box::new(StreamLink(stream))
}

async fn start(stream: Rc<Stream>) {
    let opened = match streams::create().await {
        Ok(opened) => opened,
        Err(error) => return stream.fail(&error),
    };
    if stream.is_over.get() {
        return streams::delete(opened.id);
    }
    stream.id.set(Some(opened.id));
    // A proxy that holds events up until the response ends shows by the answer that does not come.
    stream.say(commands::ping());
    stream.hear(Incoming::said(opened.hello));
    match stream.transport {
        Transport::LongPoll => poll(&stream, opened.id).await,
        _ => stream.listen(opened.id),
    }
}

/// Asks for events until the stream is over.
async fn poll(stream: &Rc<Stream>, id: StreamId) {
    let mut after = 0;
    while !stream.is_over.get() {
        let signal = stream.polling.as_ref().map(AbortController::signal);
        match streams::events(id, after, WAIT_SECONDS, signal.as_ref()).await {
            Ok(batch) => {
                after = batch.next;
                batch.events.into_iter().for_each(|event| stream.hear(Incoming::said(event)));
            }
            Err(error) if is_too_fast(&error) => pause(&error).await,
            Err(error) => return stream.fail(&error),
        }
    }
}

/// Sends what is to be said, in order.
async fn send(stream: Rc<Stream>) {
    while let Some(id) = stream.id.get() {
        let mut waiting = stream.waiting.take();
        if waiting.is_empty() {
            break;
        }
        if waiting.len() > MAX_COMMANDS {
            stream.waiting.replace(waiting.split_off(MAX_COMMANDS));
        }
        let commands = format!("[{}]", waiting.join(","));
        while let Err(error) = streams::send(id, &commands).await {
            // Then the server has taken none of them.
            if !is_too_fast(&error) || stream.is_over.get() {
                return stream.fail(&error);
            }
            pause(&error).await;
        }
    }
    stream.is_sending.set(false);
}

/// Whether the server wants the same again, but later.
fn is_too_fast(error: &ClientError) -> bool {
    error.code() == Some(ErrorCode::RateLimited)
}

async fn pause(error: &ClientError) {
    let wait = u64::try_from(error.retry_after_millis()).unwrap_or(0);
    browser::pause(Duration::from_millis(wait)).await;
}

impl Stream {
    fn say(self: &Rc<Self>, command: String) {
        self.waiting.borrow_mut().push(command);
        if !self.is_over.get() && !self.is_sending.replace(true) {
            spawn_local(send(Rc::clone(self)));
        }
    }

    /// Lets the browser read the events. It comes back by itself, behind the last event that it has.
    fn listen(self: &Rc<Self>, id: StreamId) {
        let Ok(source) = EventSource::new(&streams::events_path(id)) else {
            return self.hear(Incoming::closed(ABNORMAL));
        };
        let stream = Rc::downgrade(self);
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let (Some(stream), Some(text)) = (stream.upgrade(), event.data().as_string()) {
                stream.hear(Incoming::read(&text));
            }
        });
        let (stream, ended) = (Rc::downgrade(self), source.clone());
        let on_error = Closure::<dyn Fn()>::new(move || {
            if let Some(stream) = stream.upgrade() {
                stream.hear(match ended.ready_state() {
                    EventSource::CLOSED => Incoming::closed(ABNORMAL),
                    _ => Incoming::Interrupted,
                });
            }
        });
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        self.source.replace(Some(Source { source, _on_message: on_message, _on_error: on_error }));
    }

    fn hear(&self, incoming: Incoming) {
        if self.is_over.get() {
            return;
        }
        let incoming = match incoming {
            Incoming::Event(event) => match *event {
                // The server has no stream any more.
                ServerEvent::Closed { code } => {
                    self.id.set(None);
                    Incoming::closed(code)
                }
                event => Incoming::Event(Box::new(event)),
            },
            incoming => incoming,
        };
        if matches!(incoming, Incoming::Closed { .. }) {
            self.end();
        }
        (self.listener)(incoming);
    }

    fn fail(&self, error: &ClientError) {
        if error.code() == Some(ErrorCode::StreamGone) {
            self.id.set(None);
        }
        if matches!(error, ClientError::Decode) {
            self.hear(Incoming::Malformed);
        }
        self.hear(Incoming::closed(close_code(error)));
    }

    fn end(&self) {
        self.is_over.set(true);
        self.source.take();
        if let Some(polling) = &self.polling {
            polling.abort();
        }
    }
}

/// The code with which a socket would have been closed.
fn close_code(error: &ClientError) -> u16 {
    match error {
        ClientError::Api(problem) => match problem.status {
            400 | 422 => CloseCode::BadCommand.number(),
            401 => CloseCode::SessionEnded.number(),
            429 | 503 => CloseCode::Overload.number(),
            _ => ABNORMAL,
        },
        ClientError::Network | ClientError::Decode => ABNORMAL,
    }
}
