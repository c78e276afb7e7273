//! Device cookies: a browser that has signed in to an account before is recognised, so that nobody can lock its user out
//! by trying passwords from many addresses (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shared::ids::UserId;

/// Signs and checks device cookies, and hashes addresses.
pub struct Devices {
    mac: Hmac<Sha256>,
}

impl Devices {
    /// Signs with a key of the server.
    ///
    /// # Errors
    /// HMAC accepts keys of any length, so there are none.
    pub fn new(key: &[u8]) -> Result<Self, InvalidLength> {
        Ok(Self { mac: Hmac::new_from_slice(key)? })
    }

    /// The cookie of a browser that signed in as this user.
    pub fn cookie(&self, user: UserId) -> String {
        let mac = URL_SAFE_NO_PAD.encode(self.mac(user).finalize().into_bytes());
        format!("{user}.{mac}")
    }

    /// The user that a browser signed in as before, if its cookie is one of this server.
    pub fn user(&self, cookie: &str) -> Option<UserId> {
        let (user, mac) = cookie.split_once('.')?;
        let user = user.parse().ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.mac(user).verify_slice(&mac).is_ok().then_some(user)
    }

    /// A keyed hash of an address: tells whether two guests came from the same one, and nothing else.
    pub fn address_hash(&self, address: IpAddr) -> Vec<u8> {
        let mut mac = self.mac.clone();
        mac.update(b"address");
        mac.update(address.to_string().as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn mac(&self, user: UserId) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(b"device");
        mac.update(user.0.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cookie_names_its_user_and_cannot_be_forged() {
        let devices = Devices::new(&[7; 32]).unwrap();
        let (grace, ada) = (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
        let cookie = devices.cookie(grace);
        assert_eq!(devices.user(&cookie), Some(grace));
        let (_, mac) = cookie.split_once('.').unwrap();
        for forged in [format!("{ada}.{mac}"), format!("{grace}."), grace.to_string(), "x.y".to_owned()] {
            assert_eq!(devices.user(&forged), None, "{forged}");
        }
        assert_eq!(Devices::new(&[8; 32]).unwrap().user(&cookie), None);
    }
}
