//! Requests about the user's API tokens.

use shared::ids::TokenId;
use shared::tokens::{CreateToken, NewToken, TOKENS_PATH, Token, token_path};

use crate::client::{self, ClientError};
use crate::wire::Items;

/// The tokens, newest first.
pub async fn list() -> Result<Vec<Token>, ClientError> {
    client::get(TOKENS_PATH).await.map(|tokens: Items<Token>| tokens.0)
}

/// Creates a token. The answer has its secret.
pub async fn create(create: CreateToken) -> Result<NewToken, ClientError> {
    client::post(TOKENS_PATH, &create).await
}

/// Deletes a token.
pub async fn delete(id: TokenId) -> Result<(), ClientError> {
    client::delete(&token_path(id)).await
}
