//! Mounts the client into the page.

fn main() {
    web::app::mount();
}
