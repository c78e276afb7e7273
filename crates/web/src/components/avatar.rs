//! The picture of a person or a room.

use leptos::prelude::*;

use crate::state::pictures::{Picture, initials};

/// A picture. Until it has loaded, and when there is none, initials are seen in its place. Screen readers do not see it,
/// because the name is always beside it.
#[component]
pub fn Avatar(
    /// The picture.
    #[prop(into)]
    picture: Picture,
    /// The name of the person or the room.
    #[prop(into)]
    name: String,
    /// Whether it is shown larger than 40 pixels.
    #[prop(default = false)]
    large: bool,
) -> impl IntoView {
    let source = picture.source(large);
    view! {
        <span class="avatar" aria-hidden="true" style=("--hue", picture.hue.to_string())>
            {initials(&name)}
            {image(source)}
        </span>
    }
}

/// The image that covers what stands in its place. While it loads, and when it cannot be loaded, nothing is seen of it.
pub fn image(source: Option<String>) -> Option<AnyView> {
    source.map(|source| view! { <img class="picture" src=source alt="" draggable="false" /> }.into_any())
}
