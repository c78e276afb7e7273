//! The name of a file where there may be too little room for it: then its middle is cut out.

use leptos::prelude::*;

use crate::state::files::split_name;

/// The name, whose end with the extension always stays.
pub fn file_name(name: &str) -> impl IntoView + use<> {
    let (start, end) = split_name(name);
    view! {
        <bdi class="file-name">
            <span class="file-name-start">{start.to_owned()}</span>
            <span>{end.to_owned()}</span>
        </bdi>
    }
}
