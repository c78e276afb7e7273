//! An endpoint of the API. Each module of handlers has a list of them.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder, Route, web};
use shared::members::Operation;

/// What a request needs. The handler asks the policy for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// To be allowed to read, which everybody is unless the server is for members only.
    Reading,
    /// A session.
    Session,
    /// An admin of the server.
    Admin,
    /// One of these operations in the room of the path.
    Room(&'static [Operation]),
}

/// A handler with its method and path pattern.
pub struct Endpoint {
    /// The method. `GET` also mounts `HEAD`.
    pub method: Method,
    /// The path pattern, as in OpenAPI.
    pub path: &'static str,
    /// What a request needs.
    pub needs: Needs,
    pub(super) route: Route,
    pub(super) head: Option<Route>,
}

impl Endpoint {
    pub(super) fn new<H, Args>(method: Method, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let head = (method == Method::GET).then(|| web::head().to(handler.clone()));
        Self { route: web::method(method.clone()).to(handler), method, path, needs, head }
    }
}
