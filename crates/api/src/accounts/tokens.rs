//! Creating and deleting API tokens.

use std::net::IpAddr;

use chrono::TimeDelta;
use shared::events::CloseCode;
use shared::ids::{TokenId, UserId};
use shared::tokens::{CreateToken, NewToken};

use super::Accounts;
use super::error::{AccountError, AccountResult, or_none};
use crate::api_tokens;
use crate::clock;
use crate::db;
use crate::db::users::{self, Account};
use crate::passwords::Comparison;
use crate::policy::Scopes;
use crate::realtime::connection::Identity;
use crate::sessions::{self, Sessions};

impl Accounts {
    /// Creates an API token. Returns its text, of which only the hash is stored.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`] if the password is wrong, or the user has none.
    pub async fn create_token(
        &self,
        address: IpAddr,
        identity: &Identity,
        create: CreateToken,
    ) -> AccountResult<NewToken> {
        let CreateToken { name, scopes, password, expires_in_seconds } = create;
        let id = identity.user.id;
        let Account { hash, .. } = self.db.run(move |conn| users::get(conn, id)).await?;
        if self.passwords.compare(address, &password, hash.clone()).await? == Comparison::Wrong {
            return Err(AccountError::WrongPassword);
        }
        let token = api_tokens::generate()?;
        let token_hash = sessions::hash(&token);
        let info = self
            .write(move |conn| {
                // A password that was changed meanwhile has revoked all tokens.
                if db::passwords::lock(conn, id)? != hash {
                    return Err(AccountError::WrongPassword);
                }
                let now = clock::now();
                let expires_at = expires_in_seconds.map(|seconds| now + TimeDelta::seconds(seconds));
                Ok(db::tokens::create(conn, id, &token_hash, &name, Scopes::of(&scopes), now, expires_at)?)
            })
            .await?;
        Ok(NewToken { token, info })
    }

    /// Deletes an API token, and closes its sockets.
    ///
    /// # Errors
    /// [`AccountError::NoToken`] if the user has no such token.
    pub async fn delete_token(&self, sessions: &Sessions, user: UserId, id: TokenId) -> AccountResult<()> {
        let ended = self
            .write(move |conn| or_none(db::tokens::delete(conn, user, id))?.ok_or(AccountError::NoToken))
            .await?;
        sessions.end(&[ended], CloseCode::SessionEnded);
        Ok(())
    }
}
