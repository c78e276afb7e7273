//! A list that the server keeps, page by page, and what is done with its rows.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use shared::page::Cursor;

use crate::boxed::effect;
use crate::browser;
use crate::client::ClientError;
use crate::components::row_list::{ListRow, RowList};
use crate::state::form_errors::WHOLE;
use crate::submission::{Request, Submission};

/// A page of rows, and where the next one is.
pub type Rows = (Vec<ListRow>, Option<Cursor>);
/// The request for a page.
pub type Loading = Pin<Box<dyn Future<Output = Result<Rows, ClientError>>>>;
type Load = Arc<dyn Fn(Listing, Option<Cursor>) -> Loading + Send + Sync>;

/// The list, as far as it is loaded.
#[derive(Clone, Copy)]
pub struct Listing {
    rows: RwSignal<Option<Vec<ListRow>>>,
    next: RwSignal<Option<Cursor>>,
    submission: Submission,
    load: StoredValue<Load>,
    /// Whether it must be loaded again after the request that is in flight.
    again: StoredValue<bool>,
}

impl Listing {
    /// Loads the first page.
    pub fn new(load: impl Fn(Self, Option<Cursor>) -> Loading + Send + Sync + 'static) -> Self {
        let load: Load = Arc::new(load);
        let listing = Self {
            rows: RwSignal::new(None),
            next: RwSignal::new(None),
            submission: Submission::default(),
            load: StoredValue::new(load),
            again: StoredValue::new(false),
        };
        effect(move || {
            if !listing.submission.busy.get() && listing.again.try_update_value(std::mem::take) == Some(true)
            {
                listing.reload();
            }
        });
        listing.reload();
        listing
    }

    /// Loads the first page again.
    pub fn reload(self) {
        if self.submission.busy.get_untracked() {
            return self.again.set_value(true);
        }
        self.act(Box::pin(async { Ok(()) }));
    }

    /// Sends a request, and then loads the first page again.
    pub fn act(self, request: Request) {
        let load = self.load.get_value();
        self.submission.send(Box::pin(async move {
            request.await?;
            let (rows, next) = load(self, None).await?;
            let count = rows.len();
            let before = self.rows.try_update(|known| known.replace(rows).map_or(0, |known| known.len()));
            self.next.try_set(next);
            // The pressed button is gone, or is now that of another row.
            if before.is_some_and(|before| before > count) && browser::find("#listing :focus").is_some() {
                request_animation_frame(|| browser::focus("#listing"));
            }
            Ok(())
        }));
    }

    fn more(self) {
        let load = self.load.get_value();
        let cursor = self.next.get_untracked();
        self.submission.send(Box::pin(async move {
            let (rows, next) = load(self, cursor).await?;
            self.rows.try_update(|known| known.get_or_insert_default().extend(rows));
            self.next.try_set(next);
            Ok(())
        }));
    }
}

/// The rows with what went wrong, and a button for more.
#[component]
pub fn ListingView(
    /// The list.
    listing: Listing,
    /// What it is, for screen readers.
    label: &'static str,
    /// What is said when it is empty.
    empty: &'static str,
) -> impl IntoView {
    let Listing { rows, next, submission, .. } = listing;
    view! {
        <div id="listing" tabindex="-1" aria-busy=move || submission.busy.get().to_string()>
            <RowList label=label empty=empty rows=rows />
            <Show when=move || next.with(Option::is_some)>
                <button type="button" class="button small" on:click=move |_| listing.more()>
                    "Show more"
                </button>
            </Show>
            <p class="form-error" role="alert">
                {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
            </p>
        </div>
    }
}
