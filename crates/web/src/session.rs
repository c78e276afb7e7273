//! Who the user is, in all tabs: becoming a guest, signing up, in and out, and what is kept of a person.

use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errors::ErrorCode;
use shared::ids::UserId;
use shared::members::RemovalReason;
use shared::messages::Author;
use shared::users::{CreateUser, DeleteUser, User, UserKind, Username};
use uuid::Uuid;
use web_sys::Blob;

use crate::boxed::{effect, memo};
use crate::browser::{self, keys, locks};
use crate::client::{self, ClientError};
use crate::live::Live;
use crate::overlays::Overlays;
use crate::sending;
use crate::sending::kept;
use crate::state::account_actions::Credentials;
use crate::state::outbox::Outbox;
use crate::state::reading::ReadMarks;
use crate::state::sending_rules::SlowModes;
use crate::state::toasts::Tone;
use crate::state::{Identity, State};

/// Only one tab at a time may change the user.
const LOCK: &str = "parlance.identity";
/// How long to wait when becoming a guest did not get through.
const PAUSE: Duration = Duration::from_secs(3);

/// Reads what was kept of the person, and follows who they are from now on.
pub fn start(state: State, live: Live, overlays: Overlays) {
    state.remembered.set(remembered());
    kept::start(state);
    browser::flush_when_leaving();
    Effect::new(move |before: Option<Option<UserId>>| {
        let Identity::User(user) = state.identity.get() else { return None };
        // The session became another person's elsewhere, and the server's greeting tells it. What a guest left behind when
        // their session ended is for the next guest.
        let owner = state.remembered.with_untracked(|author| author.as_ref().map(|author| author.id));
        let former = before.flatten().or_else(|| remembered_member(state));
        if former.is_some_and(|former| former != user.id && owner == Some(former)) {
            forget(state, live);
            overlays.close_dialogs();
            if browser::stored(keys::USER) != Some(user.id.to_string()) {
                browser::forget_person();
            }
            state.identify(Identity::User(user.clone()));
        }
        remember(state, &user);
        state.learn_name(&Author::from(&user));
        Some(user.id)
    });
    Effect::new(move |before: Option<()>| {
        live.disabled.track();
        if before.is_some() {
            forget(state, live);
            overlays.close_dialogs();
            browser::forget_person();
            let text = "An admin disabled your account. You can still read messages.";
            state.toast(Tone::Error, text, browser::now());
        }
    });
    give_name_to_waiting(state, live, overlays);
    let _ = window_event_listener(ev::storage, move |event| match event.key() {
        Some(name) if name != keys::USER || event.new_value().is_some() => {
            changed_elsewhere(state, live, &name, event.new_value());
        }
        // The user signed out, or everything was cleared.
        _ => {
            overlays.close_dialogs();
            leave(state, live);
        }
    });
}

/// Becomes a guest: the session is a cookie from here on, and the socket is opened anew to be known by it. `invite` is the
/// secret of an invite, which is redeemed.
pub async fn become_guest(
    state: State,
    live: Live,
    name: Username,
    invite: Option<String>,
) -> Result<(), ClientError> {
    let _lock = locks::hold(LOCK).await;
    become_guest_alone(state, live, name, invite).await
}

/// Becomes a guest. The caller holds the lock.
async fn become_guest_alone(
    state: State,
    live: Live,
    name: Username,
    invite: Option<String>,
) -> Result<(), ClientError> {
    // Another tab may have been quicker. A second guest would replace the cookie that all tabs share.
    let user = match client::users::get_current().await {
        Ok(user) => user,
        Err(error) if error.is_signed_out() => client::users::create_guest(name, invite).await?,
        Err(error) => return Err(error),
    };
    arrive(state, live, user, former(state));
    Ok(())
}

/// The secret of a link that lets somebody sign up.
pub enum LinkSecret {
    /// Of the first admin.
    Setup(String),
    /// Of an invite to a room.
    Invite(String),
}

/// Signs up or in. Signing up as a guest keeps what the guest has written.
pub async fn authenticate(
    state: State,
    live: Live,
    credentials: Credentials,
    secret: Option<LinkSecret>,
) -> Result<(), ClientError> {
    let _lock = locks::hold(LOCK).await;
    // Read now: the server closes the old session's socket before it answers.
    let former = former(state);
    live.is_changing_session.set_value(true);
    let (setup, invite) = match secret {
        Some(LinkSecret::Setup(secret)) => (Some(secret), None),
        Some(LinkSecret::Invite(secret)) => (None, Some(secret)),
        None => (None, None),
    };
    let outcome = match credentials {
        Credentials::SignUp(username, password) => {
            client::users::create(CreateUser { username, password, invite, setup }).await
        }
        Credentials::SignIn(username, password) => client::sessions::create(username, password).await,
    };
    live.is_changing_session.set_value(false);
    match outcome {
        Ok(user) => {
            arrive(state, live, user, former);
            Ok(())
        }
        Err(error) => {
            // The request may have succeeded anyway. A new connection tells who the user is.
            if error.is_passing() || error.code() == Some(ErrorCode::AlreadyMember) {
                live.renew();
            }
            Err(error)
        }
    }
}

/// Renames the user.
pub async fn rename(state: State, live: Live, name: Username) -> Result<(), ClientError> {
    let _lock = locks::hold(LOCK).await;
    let user = client::users::update_current(name).await?;
    // A new connection shows the new name to the others.
    arrive(state, live, user, None);
    Ok(())
}

/// Sets the user's picture, or removes it.
pub async fn set_avatar(state: State, live: Live, image: Option<Blob>) -> Result<(), ClientError> {
    let _lock = locks::hold(LOCK).await;
    let user = match image {
        Some(image) => client::users::put_avatar(&image).await?,
        None => client::users::delete_avatar().await?,
    };
    // As with a new name.
    arrive(state, live, user, None);
    Ok(())
}

/// The owner of what this browser keeps, unless the next user may take it over, as from a guest whose session has ended.
fn former(state: State) -> Option<UserId> {
    state.me().or_else(|| remembered_member(state))
}

fn remembered_member(state: State) -> Option<UserId> {
    let member = |author: &Option<Author>| {
        author.as_ref().filter(|author| author.kind == UserKind::Member).map(|author| author.id)
    };
    state.remembered.with_untracked(member)
}

/// Makes this the current user, in this tab and in the others.
fn arrive(state: State, live: Live, user: User, former: Option<UserId>) {
    if former.is_some_and(|former| former != user.id) {
        forget(state, live);
        browser::forget_person();
    }
    let predecessor = state.remembered.with_untracked(|author| author.as_ref().map(|author| author.id));
    state.outbox.update(|outbox| outbox.claim(user.id, predecessor));
    let is_same = browser::stored(keys::USER) == Some(user.id.to_string());
    remember(state, &user);
    if is_same {
        browser::save(keys::SESSION, &browser::now().to_string());
    }
    state.identify(Identity::User(user));
    live.renew();
}

/// Signs out. Nothing of the person stays in this browser.
pub async fn sign_out(state: State, live: Live) -> Result<(), ClientError> {
    let _lock = locks::hold(LOCK).await;
    live.is_changing_session.set_value(true);
    let outcome = client::sessions::delete_current().await;
    live.is_changing_session.set_value(false);
    outcome.or_else(|error| if error.is_signed_out() { Ok(()) } else { Err(error) })?;
    leave(state, live);
    browser::forget_person();
    Ok(())
}

fn remembered() -> Option<Author> {
    let username = Username::from_stored(browser::load(keys::NAME)?);
    let id = browser::load(keys::USER).and_then(|id| id.parse().ok());
    let kind = if browser::is_member() { UserKind::Member } else { UserKind::Guest };
    Some(Author { id: id.unwrap_or(UserId(Uuid::nil())), username, kind, avatar_url: None })
}

/// Keeps who the user is, and sends what they have written.
fn remember(state: State, user: &User) {
    let author = Author::from(user);
    if state.remembered.with_untracked(|known| known.as_ref() != Some(&author)) {
        state.remembered.set(Some(author));
    }
    let kind = if user.kind == UserKind::Member { browser::MEMBER } else { "" };
    let id = user.id.to_string();
    for (key, value) in [(keys::NAME, user.username.as_str()), (keys::KIND, kind), (keys::USER, &id)] {
        if browser::stored(key).unwrap_or_default() != value {
            browser::save(key, value);
        }
    }
    state.outbox.maybe_update(|outbox| {
        let waits = outbox.entries().iter().any(|entry| entry.owner.is_none());
        outbox.claim(user.id, None);
        waits
    });
    sending::pump(state);
}

/// Deletes the account. Nothing of the person stays in this browser.
pub async fn delete_account(state: State, live: Live, delete: DeleteUser) -> Result<(), ClientError> {
    live.is_changing_session.set_value(true);
    let outcome = client::users::delete_current(delete).await;
    live.is_changing_session.set_value(false);
    outcome?;
    leave(state, live);
    browser::forget_person();
    Ok(())
}

/// Forgets the user in this tab and reconnects anonymously.
fn leave(state: State, live: Live) {
    // The end of the session may have closed the connection; then a new one is being made already.
    let is_connected_as_user = state.me().is_some();
    live.has_lost_session.set_value(false);
    forget(state, live);
    if is_connected_as_user {
        live.renew();
    }
}

/// Forgets the user in this tab.
fn forget(state: State, live: Live) {
    browser::forget_soon();
    browser::announce(None);
    state.outbox.update(Outbox::clear);
    state.remembered.set(None);
    let mut private = Vec::new();
    state.rooms.update(|rooms| private = rooms.forget_viewers());
    for room_id in private {
        state.remove_room(room_id, String::new(), RemovalReason::Unknown);
    }
    state.slow_modes.set(SlowModes::default());
    let mut marks = ReadMarks::default();
    state.rooms.with_untracked(|rooms| {
        for room in rooms.all() {
            marks.meet(room);
        }
    });
    state.change_reading(|reading| *reading = marks);
    state.identity.set(Identity::Anonymous);
    // Pages hold drafts.
    live.generation.update(|generation| *generation += 1);
}

fn changed_elsewhere(state: State, live: Live, name: &str, value: Option<String>) {
    match (name, value) {
        (keys::READ, Some(marks)) => {
            let marks = ReadMarks::from_text(&marks);
            state.change_reading(|reading| reading.merge(&marks));
        }
        // The socket's greeting says who it is.
        (keys::SESSION, Some(_)) => live.renew(),
        (keys::USER, Some(user)) if state.me().is_none_or(|me| me.to_string() != user) => live.renew(),
        (name, value) => {
            if kept::changed_elsewhere(state, name, value) {
                sending::pump(state);
            }
        }
    }
}

/// When messages wait and the user turns out to be nobody, they become a guest under the remembered name.
fn give_name_to_waiting(state: State, live: Live, overlays: Overlays) {
    let is_asking = StoredValue::new(false);
    let again = RwSignal::new(());
    let is_needed = memo(move || {
        let viewer = state.author().map(|author| author.id);
        state.identity.with(|identity| *identity == Identity::Anonymous)
            && state.outbox.with(|outbox| outbox.is_waiting(viewer))
    });
    effect(move || {
        again.track();
        if !is_needed.get() || is_asking.get_value() {
            return;
        }
        let known = state.remembered.get_untracked().filter(|author| author.kind != UserKind::Member);
        let Some(Author { username: name, .. }) = known else {
            return overlays.ask_for_identity(state);
        };
        is_asking.set_value(true);
        spawn_local(async move {
            let lock = locks::hold(LOCK).await;
            // Another tab may have signed out while this one waited.
            let outcome = match browser::stored(keys::NAME) {
                Some(_) => become_guest_alone(state, live, name, None).await,
                None => Ok(()),
            };
            drop(lock);
            is_asking.set_value(false);
            match outcome {
                Ok(()) => {}
                Err(error) if error.is_passing() => set_timeout(move || again.notify(), PAUSE),
                Err(error) => {
                    state.toast(Tone::Error, error.sentence(), browser::now());
                    overlays.ask_for_identity(state);
                }
            }
        });
    });
}
