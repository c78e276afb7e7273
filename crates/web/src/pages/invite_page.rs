//! The page of an invite link: what it leads to, who one is, and joining.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errors::ErrorCode;
use shared::invites::InvitePreview;
use shared::rooms::{Topic, Visibility};
use shared::users::{User, Username};

use crate::boxed::effect;
use crate::browser;
use crate::client::{self, ClientError};
use crate::components::account_form::AccountForm;
use crate::components::avatar::Avatar;
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::components::page_frame::PageFrame;
use crate::components::room_sign::{RoomFace, room_sign};
use crate::components::segmented_control::SegmentedControl;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::session::{self, LinkSecret};
use crate::state::account_actions::{AccountAction, Credentials};
use crate::state::account_forms::{FieldSpec, FormKind, field};
use crate::state::form_errors::{Errors, WHOLE};
use crate::state::pictures::Picture;
use crate::state::{Identity, State};
use crate::submission::Submission;

const GUEST_NAME: FieldSpec = field("Your name", "username", "nickname", "4 to 20 characters");

/// What the place of the preview shows.
#[derive(Clone, PartialEq, Eq)]
enum PreviewStage {
    Loading,
    Incomplete,
    Failed(String),
    Ready(Box<InvitePreview>),
}

/// The invite of the link.
#[component]
pub fn InvitePage() -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    let secret = expect_context::<Navigation>().follow_secret();
    let stage = RwSignal::new(PreviewStage::Loading);
    effect(move || {
        let Some(secret) = secret.get() else { return stage.set(PreviewStage::Incomplete) };
        stage.set(PreviewStage::Loading);
        spawn_local(async move {
            let outcome = client::invites::preview(secret).await;
            stage.try_set(match outcome {
                Ok(preview) => PreviewStage::Ready(Box::new(preview)),
                Err(error) => PreviewStage::Failed(failure(&error)),
            });
        });
    });
    let draw = move || {
        match stage.get() {
        PreviewStage::Loading => view! { <p aria-busy="true">"Opening the invite…"</p> }.into_any(),
        PreviewStage::Incomplete => {
            view! { <h1>"Invite"</h1><p>"This link is incomplete. Open the full link that you were sent."</p> }.into_any()
        }
        PreviewStage::Failed(words) => view! {
            <h1>"This invite does not work"</h1>
            <p>{words}</p>
            <a class="button" href="/rooms">
                "Go to the rooms"
            </a>
        }
        .into_any(),
        PreviewStage::Ready(preview) => view! { <Preview preview=*preview secret=secret /> }.into_any(),
    }
    };
    view! {
        <PageFrame menu_open=overlays.menu>
            <div class="account-page invite-page">{move || draw()}</div>
        </PageFrame>
    }
}

/// Why an invite cannot be used.
fn failure(error: &ClientError) -> String {
    match error.code() {
        Some(ErrorCode::InviteGone) => {
            "It has expired, been used up, or been revoked. Ask for a new one.".to_owned()
        }
        Some(ErrorCode::InviteNotFound) => {
            "Check that the link is complete, or ask for a new one.".to_owned()
        }
        Some(ErrorCode::Banned) => "You are banned from this room.".to_owned(),
        Some(ErrorCode::NotAllowed) => {
            "You were removed from this room after this invite was made. Ask for a new one.".to_owned()
        }
        _ => error.sentence(),
    }
}

#[component]
fn Preview(preview: InvitePreview, secret: RwSignal<Option<String>>) -> impl IntoView {
    let state = expect_context::<State>();
    let InvitePreview { room, role, invited_by, .. } = preview;
    let picture = Picture { hue: 0, url: room.avatar_url };
    let face = RoomFace { is_private: room.visibility == Visibility::Private, picture };
    let members =
        if room.member_count == 1 { "1 member".to_owned() } else { format!("{} members", room.member_count) };
    let online = room.online.map_or(String::new(), |online| format!(" · {online} online"));
    let by = invited_by.username.as_str().to_owned();
    let user = Memo::new(move |_| state.identity.with(|identity| identity.user().cloned()));
    let is_known = Memo::new(move |_| state.identity.with(|identity| *identity != Identity::Unknown));
    let draw = move || match (user.get(), is_known.get()) {
        (Some(user), _) => view! { <Confirm user=user secret=secret /> }.into_any(),
        (None, true) => view! { <WhoAreYou secret=secret /> }.into_any(),
        (None, false) => ().into_any(),
    };
    view! {
        <div class="invite-card">
            <Avatar picture=&invited_by name=by.clone() large=true />
            <p>
                <strong dir="auto">{by}</strong>
                " invites you to"
            </p>
            <h1>
                {room_sign(face)}
                <span dir="auto">{room.name.as_str().to_owned()}</span>
            </h1>
            <p dir="auto">{room.topic.as_ref().map_or("", Topic::as_str).to_owned()}</p>
            <p>{format!("{members}{online}. You join as a {}.", role.name())}</p>
        </div>
        {move || draw()}
    }
}

/// Joins by the invite and goes to the room.
async fn redeem(state: State, live: Live, navigation: Navigation, secret: String) -> Result<(), ClientError> {
    let redeemed = client::invites::redeem(secret).await?;
    let room_id = redeemed.room.id;
    live.take_room(redeemed.room);
    state.departed.set(None);
    // The page may have been left meanwhile.
    if navigation.here() == Route::Invite {
        navigation.replace(Route::Room(room_id));
    }
    Ok(())
}

/// The words for a refusal stand in the form.
fn told(outcome: Result<(), ClientError>, submission: Submission) -> Result<(), ClientError> {
    match outcome {
        Err(error) if error.code().is_some_and(is_about_invite) => {
            let mut errors = Errors::default();
            errors.add(WHOLE, failure(&error));
            submission.refuse(errors);
            Ok(())
        }
        other => other,
    }
}

fn is_about_invite(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InviteGone | ErrorCode::InviteNotFound | ErrorCode::Banned | ErrorCode::NotAllowed
    )
}

#[component]
fn Confirm(user: User, secret: RwSignal<Option<String>>) -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let submission = Submission::default();
    let on_submit = Callback::new(move |()| {
        let Some(secret) = secret.get_untracked() else { return };
        submission
            .send(Box::pin(async move { told(redeem(state, live, navigation, secret).await, submission) }));
    });
    view! {
        <FormFrame action="Join the room" done="" class="button primary" submission=submission on_submit=on_submit>
            <p>"You are signed in as " <strong dir="auto">{user.username.as_str().to_owned()}</strong> "."</p>
        </FormFrame>
    }
}

#[component]
fn WhoAreYou(secret: RwSignal<Option<String>>) -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let submission = Submission::default();
    let (name, password) = (RwSignal::new(browser::guest_name()), RwSignal::new(String::new()));
    let chosen = RwSignal::new(u32::from(browser::is_member()) * 2);
    let on_guest = Callback::new(move |()| {
        let mut errors = Errors::default();
        let name = errors.check("username", Username::parse_guest(&name.get_untracked()));
        let (Some(name), Some(secret)) = (name, secret.get_untracked()) else {
            return submission.refuse(errors);
        };
        submission.send(Box::pin(async move {
            let outcome = async {
                session::become_guest(state, live, name, Some(secret.clone())).await?;
                // It is redeemed already, and the answer leads to the room.
                redeem(state, live, navigation, secret).await
            };
            told(outcome.await, submission)
        }));
    });
    let on_action = Callback::new(move |action| {
        let (AccountAction::Authenticate(credentials), Some(secret)) = (action, secret.get_untracked())
        else {
            return;
        };
        submission.send(Box::pin(async move {
            let outcome = async {
                let link = matches!(credentials, Credentials::SignUp(..))
                    .then(|| LinkSecret::Invite(secret.clone()));
                session::authenticate(state, live, credentials, link).await?;
                redeem(state, live, navigation, secret).await
            };
            told(outcome.await, submission)
        }));
    });
    let form = move || {
        let account = |kind| {
            view! {
                <AccountForm id="invite" kind=kind values=[name, password] submission=submission on_action=on_action />
            }
            .into_any()
        };
        submission.reset();
        match chosen.get() {
            0 => view! {
                <FormFrame action="Join as a guest" done="" class="button primary" submission=submission on_submit=on_guest>
                    <FormField id="invite-guest".to_owned() field=&GUEST_NAME value=name submission=submission />
                </FormFrame>
            }
            .into_any(),
            1 => account(FormKind::SignUp),
            _ => account(FormKind::SignIn),
        }
    };
    // An invite lets people in where nobody comes by themselves, but for guests where there are to be none.
    let has_guests = state.has_guests;
    let choices = move || {
        let all = [(0, "As a guest"), (1, "Create account"), (2, "Sign in")];
        if !has_guests.get() && chosen.get_untracked() == 0 {
            chosen.set(1);
        }
        let choices = all.into_iter().filter(|choice| choice.0 != 0 || has_guests.get()).collect::<Vec<_>>();
        view! { <SegmentedControl label="How to join" choices=choices chosen=chosen /> }
    };
    view! {
        {move || choices()}
        {move || form()}
    }
}
