//! An endpoint of the API. Each module of handlers has a list of them.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder, Route, web};

/// A handler with its method and path pattern.
pub struct Endpoint {
    /// The method. `GET` also mounts `HEAD`.
    pub method: Method,
    /// The path pattern, as in OpenAPI.
    pub path: &'static str,
    pub(super) route: Route,
    pub(super) head: Option<Route>,
}

impl Endpoint {
    pub(super) fn new<H, Args>(method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let head = (method == Method::GET).then(|| web::head().to(handler.clone()));
        Self { route: web::method(method.clone()).to(handler), method, path, head }
    }
}
