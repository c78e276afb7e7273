//! Starts the client in the page.

fn main() {
    web::app::mount();
}
