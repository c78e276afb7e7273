//! The user's API tokens.

use leptos::prelude::*;
use shared::tokens::{CreateToken, Scope, Token, TokenName};
use shared::users::Password;

use crate::browser::{TimeStyle, time_text};
use crate::client;
use crate::components::choice_field::{ChoiceField, choices};
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::components::row_list::ListRow;
use crate::components::secret_field::SecretField;
use crate::dialogs::listing::{Listing, ListingView};
use crate::dialogs::unsaved::Unsaved;
use crate::state::account_forms::{FieldSpec, field};
use crate::state::form_errors::Errors;
use crate::submission::Submission;

const NAME: FieldSpec =
    field("Token name", "name", "off", "What will use it, for example a bot or a script.");
const PASSWORD: FieldSpec = field("Your password", "current_password", "current-password", "");
/// The lifetimes, in seconds.
const LIFETIMES: [(&str, &str); 4] =
    [("2592000", "30 days"), ("7776000", "90 days"), ("31536000", "1 year"), ("", "Never")];
const SCOPES: [(Scope, &str); 3] = [
    (Scope::Read, "Read messages and rooms"),
    (Scope::Write, "Write messages and change rooms"),
    (Scope::Admin, "Administer the server (admins only)"),
];

/// The tokens, and the form that creates one.
#[component]
pub fn TokenList(unsaved: Unsaved) -> impl IntoView {
    let submission = Submission::default();
    let secret = RwSignal::new(None);
    let (name, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    unsaved.follow(move || [name, password].iter().any(|value| value.with(|value| !value.is_empty())));
    let lifetime = RwSignal::new(LIFETIMES[0].0.to_owned());
    let scopes = RwSignal::new(vec![Scope::Read]);
    let listing = Listing::new(|listing, _| {
        Box::pin(async move {
            let tokens = client::tokens::list().await?;
            Ok((tokens.into_iter().map(|token| row(token, listing)).collect(), None))
        })
    });
    let on_submit = Callback::new(move |()| {
        let mut errors = Errors::default();
        let text = password.get_untracked();
        let token_name = errors.check("name", TokenName::parse(&name.get_untracked()));
        errors.require("current_password", "Your password is required.", &text);
        let Some(token_name) = token_name.filter(|_| errors.is_empty()) else {
            return submission.refuse(errors);
        };
        let create = CreateToken {
            name: token_name,
            scopes: scopes.get_untracked(),
            password: Password::to_compare(&text),
            expires_in_seconds: lifetime.get_untracked().parse().ok(),
        };
        submission.send(Box::pin(async move {
            let new = client::tokens::create(create).await?;
            secret.try_set(Some(new.token));
            name.try_set(String::new());
            password.try_set(String::new());
            listing.reload();
            Ok(())
        }));
    });
    let choose = move |scope: Scope, is_chosen: bool| {
        scopes.update(|scopes| {
            scopes.retain(|other| *other != scope);
            if is_chosen {
                scopes.push(scope);
            }
        });
    };
    let scope = move |(scope, words): (Scope, &'static str)| {
        view! {
            <label class="choice">
                <input
                    type="checkbox"
                    prop:checked=scope == Scope::Read
                    on:change=move |event| choose(scope, event_target_checked(&event))
                />
                {words}
            </label>
        }
        .into_any()
    };
    view! {
        <p>"With a token, a program acts as you. Keep it like a password."</p>
        <SecretField
            label="Your new token"
            words="Copy it now. It is not shown again."
            secret=secret
        />
        <ListingView listing=listing label="Your tokens" empty="You have no tokens." />
        <FormFrame action="Create token" done="" submission=submission on_submit=on_submit>
            <FormField id="token-name".to_owned() field=&NAME value=name submission=submission />
            <fieldset class="setting">
                <legend>"It may"</legend>
                {SCOPES.map(scope).into_iter().collect_view()}
            </fieldset>
            <ChoiceField id="token-lifetime" label="Expires after" choices=choices(&LIFETIMES) value=lifetime />
            <FormField id="token-password".to_owned() field=&PASSWORD value=password submission=submission />
        </FormFrame>
    }
}

fn row(token: Token, listing: Listing) -> ListRow {
    let Token { id, name, scopes, last_used_at, expires_at, .. } = token;
    let day = |time: shared::timestamp::Timestamp| time_text(time.unix_millis(), TimeStyle::DayOfYear);
    let scopes = scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    let used = last_used_at.map_or("never used".to_owned(), |at| format!("last used {}", day(at)));
    let expires = expires_at.map_or(String::new(), |at| format!(" · expires {}", day(at)));
    let note = format!("{scopes} · {used}{expires}");
    ListRow { title: name.as_str().to_owned(), note, ..ListRow::default() }.with("Delete", move || {
        listing.act(Box::pin(async move {
            match client::tokens::delete(id).await {
                Err(error) if !error.is_missing() => Err(error),
                _ => Ok(()),
            }
        }));
    })
}
