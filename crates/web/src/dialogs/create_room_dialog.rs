//! The dialog that creates a room.

use leptos::prelude::*;
use shared::ids::RoomId;
use shared::rooms::{CreateRoom, RoomName, Topic, Visibility};
use shared::users::UserKind;

use crate::browser;
use crate::client;
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::components::modal::Modal;
use crate::debounce::Debounce;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::state::State;
use crate::state::account_forms::{FieldSpec, FormKind, field};
use crate::state::form_errors::Errors;
use crate::submission::Submission;

/// A room's name.
pub const NAME: FieldSpec = field("Name", "name", "off", "");
/// A room's topic.
pub const TOPIC: FieldSpec = field("Topic (optional)", "topic", "off", "What is this room about?");

/// Creates a room and opens it.
#[component]
pub fn CreateRoomDialog() -> impl IntoView {
    let open = expect_context::<Overlays>().create_room;
    view! {
        <Modal open=open label="Create a room" class="narrow">
            <CreateRoomForm />
        </Modal>
    }
}

#[component]
fn CreateRoomForm() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let submission = Submission::default();
    let (name, topic) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let is_private = RwSignal::new(false);
    let kind = state.identity.with_untracked(|identity| identity.user().map(|user| user.kind));
    let is_member = kind == Some(UserKind::Member);
    // So that a repeat after a lost answer creates no second room.
    let id = RoomId(browser::new_message_id().0);
    request_animation_frame(|| browser::focus("#new-room"));
    let debounce = Debounce::idle();
    let check = move || {
        if let Err(invalid) = RoomName::parse(&name.get_untracked()) {
            submission.errors.update(|errors| errors.add("name", invalid.detail));
        }
    };
    let on_submit = Callback::new(move |()| {
        debounce.cancel();
        let mut errors = Errors::default();
        let name = errors.check("name", RoomName::parse(&name.get_untracked()));
        let topic = errors.check("topic", Topic::parse(&topic.get_untracked()));
        let (Some(name), Some(topic)) = (name, topic) else { return submission.refuse(errors) };
        let visibility = is_private.get_untracked().then_some(Visibility::Private);
        submission.send(Box::pin(async move {
            let room = client::rooms::create(CreateRoom { name, id: Some(id), topic, visibility }).await?;
            let route = Route::Room(room.id);
            live.take_room(room);
            // Who has closed the dialog stays where they are.
            if overlays.create_room.get_untracked() {
                overlays.create_room.set(false);
                navigation.go(route);
            }
            Ok(())
        }));
    });
    let account = (!is_member && state.may_sign_up.get_untracked()).then(|| {
        view! {
            <button type="button" class="link" on:click=move |_| overlays.open_account(FormKind::SignUp)>
                "Create an account"
            </button>
        }
    });
    let words = if is_member {
        "Only members see it."
    } else {
        "Only people with an account can create private rooms."
    };
    view! {
        <h2>"Create a room"</h2>
        <FormFrame
            action="Create room"
            done=""
            class="button primary"
            submission=submission
            on_submit=on_submit
            on_cancel=Some(Callback::new(move |()| overlays.create_room.set(false)))
        >
            <div on:input=move |_| debounce.start(check)>
                <FormField id="new-room".to_owned() field=&NAME value=name submission=submission />
            </div>
            <FormField id="new-topic".to_owned() field=&TOPIC value=topic submission=submission />
            <fieldset class="setting">
                <legend>"Who can see it"</legend>
                <label class="choice">
                    <input
                        type="radio"
                        name="visibility"
                        prop:checked=true
                        on:change=move |_| is_private.set(false)
                    />
                    "Public: everyone can find and read it."
                </label>
                <label class="choice">
                    <input
                        type="radio"
                        name="visibility"
                        disabled=!is_member
                        on:change=move |_| is_private.set(true)
                    />
                    <span>"Private: " {words} " " {account}</span>
                </label>
            </fieldset>
        </FormFrame>
    }
}
