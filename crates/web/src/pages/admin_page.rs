//! The page of the server's admins: its users and its settings.

use leptos::prelude::*;
use shared::admin::{AdminUser, Guests, Registration, UpdateAdminUser, UpdateServerSettings};
use shared::users::UserKind;

use crate::client;
use crate::components::choice_field::{ChoiceField, choices};
use crate::components::form_frame::FormFrame;
use crate::components::page_frame::PageFrame;
use crate::components::row_list::ListRow;
use crate::components::secret_field::SecretField;
use crate::debounce::Debounce;
use crate::dialogs::listing::{Listing, ListingView};
use crate::overlays::Overlays;
use crate::state::State;
use crate::submission::Submission;

const REGISTRATION: [(&str, &str); 2] = [("open", "Everyone"), ("closed", "Only people with an invite")];
const GUESTS: [(&str, &str); 3] =
    [("open", "Everyone"), ("invited", "Only people with an invite"), ("off", "Nobody")];

/// The users and the settings of the server.
#[component]
pub fn AdminPage() -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    let state = expect_context::<State>();
    let is_admin = RwSignal::new(None::<bool>);
    Effect::new(move |_| {
        state.identity.track();
        leptos::task::spawn_local(async move {
            let me = client::users::get_me().await;
            is_admin.try_set(Some(me.is_ok_and(|me| me.is_admin)));
        });
    });
    let draw = move || match is_admin.get() {
        None => view! { <p aria-busy="true">"Loading…"</p> }.into_any(),
        Some(false) => view! { <p>"Only admins of this server can open this page."</p> }.into_any(),
        Some(true) => view! {
            <ServerSettings />
            <Users />
        }
        .into_any(),
    };
    view! {
        <PageFrame menu_open=overlays.menu>
            <div class="account-page admin-page">
                <h1>"Server admin"</h1>
                {move || draw()}
            </div>
        </PageFrame>
    }
}

#[component]
fn ServerSettings() -> impl IntoView {
    let loaded = RwSignal::new(None);
    leptos::task::spawn_local(async move {
        // A change of nothing answers with the settings.
        if let Ok(settings) = client::admin::update_settings(UpdateServerSettings::default()).await {
            loaded.try_set(Some((settings.registration.name(), settings.guests.name())));
        }
    });
    let draw = move || {
        loaded
            .get()
            .map(|(registration, guests)| view! { <SettingsForm registration=registration guests=guests /> })
    };
    view! {
        <section aria-label="Settings">
            <h2>"Access"</h2>
            {move || draw()}
        </section>
    }
}

#[component]
fn SettingsForm(registration: &'static str, guests: &'static str) -> impl IntoView {
    let submission = Submission::default();
    let registration = RwSignal::new(registration.to_owned());
    let guests = RwSignal::new(guests.to_owned());
    let on_submit = Callback::new(move |()| {
        let (wanted, wanted_guests) = (registration.get_untracked(), guests.get_untracked());
        let update = UpdateServerSettings {
            registration: Registration::ALL.into_iter().find(|it| it.name() == wanted),
            guests: Guests::ALL.into_iter().find(|it| it.name() == wanted_guests),
        };
        submission.send(Box::pin(async move { client::admin::update_settings(update).await.map(|_| ()) }));
    });
    view! {
        <FormFrame action="Save" submission=submission on_submit=on_submit>
            <ChoiceField
                id="admin-registration"
                label="Who can create an account"
                choices=choices(&REGISTRATION)
                value=registration
            />
            <ChoiceField id="admin-guests" label="Who can come as a guest" choices=choices(&GUESTS) value=guests />
        </FormFrame>
    }
}

#[component]
fn Users() -> impl IntoView {
    let query = RwSignal::new(String::new());
    let link = RwSignal::new(None);
    let name = RwSignal::new(String::new());
    let label = Signal::derive(move || format!("Password reset link for {}", name.get()));
    let debounce = Debounce::idle();
    let listing = Listing::new(move |listing, cursor| {
        let text = query.get_untracked();
        Box::pin(async move {
            let page = client::admin::list_users(text.trim(), cursor.as_ref()).await?;
            let rows = page.items.into_iter().map(|user| row(user, listing, link, name)).collect();
            Ok((rows, page.next_cursor))
        })
    });
    view! {
        <section aria-label="Users">
            <h2>"Users"</h2>
            <div class="form-field">
                <label for="admin-query">"Search by name"</label>
                <input
                    id="admin-query"
                    class="input"
                    type="search"
                    autocomplete="off"
                    bind:value=query
                    on:input=move |_| debounce.start(move || listing.reload())
                />
            </div>
            <SecretField
                label=label
                words="Send it to this person. It works once, for 24 hours, and is not shown again."
                secret=link
            />
            <ListingView listing=listing label="Users" empty="Nobody found." />
        </section>
    }
}

fn row(user: AdminUser, listing: Listing, link: RwSignal<Option<String>>, name: RwSignal<String>) -> ListRow {
    let AdminUser { user, is_admin, is_disabled } = user;
    let id = user.id;
    let kind = if user.kind == UserKind::Guest { "guest" } else { "member" };
    let admin = if is_admin { " · admin" } else { "" };
    let disabled = if is_disabled { " · disabled" } else { "" };
    let row = ListRow {
        picture: Some((&user).into()),
        title: user.username.as_str().to_owned(),
        note: format!("{kind}{admin}{disabled}"),
        ..ListRow::default()
    };
    let update = move |update: UpdateAdminUser| {
        listing.act(Box::pin(async move { client::admin::update_user(id, update).await.map(|_| ()) }));
    };
    let row = row.with(if is_disabled { "Enable" } else { "Disable" }, move || {
        update(UpdateAdminUser { is_disabled: Some(!is_disabled), ..UpdateAdminUser::default() });
    });
    if user.kind != UserKind::Member {
        return row;
    }
    row.with(if is_admin { "Demote" } else { "Make admin" }, move || {
        update(UpdateAdminUser { is_admin: Some(!is_admin), ..UpdateAdminUser::default() });
    })
    .with("Reset password", move || {
        let of = user.username.as_str().to_owned();
        listing.act(Box::pin(async move {
            let reset = client::admin::reset_password(id).await?;
            name.try_set(of);
            link.try_set(Some(reset.url));
            Ok(())
        }));
    })
}
