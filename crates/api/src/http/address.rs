//! The client address that rate limits count.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{self, HeaderMap};
use ipnet::IpNet;

/// The prefix of an IPv6 address that identifies a subscriber: a subscriber usually controls a whole /64.
const SUBSCRIBER_PREFIX: u128 = !0 << 64;

/// The client address of a request: an IPv4 address, or the first address of an IPv6 /64.
///
/// A hop of `X-Forwarded-For`, from right to left, is trusted if it was reported by a trusted proxy. Hops to the left
/// of an untrusted or invalid one may be forged.
pub fn client_address(trusted_proxies: &[IpNet], headers: &HeaderMap, peer: Option<IpAddr>) -> IpAddr {
    let mut client = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
    let hops = headers.get_all(header::X_FORWARDED_FOR);
    for hop in hops.flat_map(|hops| hops.as_bytes().split(|byte| *byte == b',')).rev() {
        if !trusted_proxies.iter().any(|network| network.contains(&client)) {
            break;
        }
        match parse_hop(hop) {
            Some(address) => client = address,
            None => break,
        }
    }
    match client {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & SUBSCRIBER_PREFIX).into(),
        address => address,
    }
}

/// Parses an address with or without a port. An IPv6 address may be in brackets.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use clap::Parser;

    use super::*;
    use crate::config::Config;

    fn client(proxies: &str, forwarded: &[&str], peer: &str) -> String {
        let config = Config::parse_from(["parlance", "--trusted-proxies", proxies]);
        let mut headers = HeaderMap::new();
        for hops in forwarded {
            headers.append(header::X_FORWARDED_FOR, HeaderValue::from_bytes(hops.as_bytes()).unwrap());
        }
        client_address(&config.trusted_proxies, &headers, peer.parse().ok()).to_string()
    }

    #[test]
    fn only_trusted_proxies_may_report_addresses() {
        let forwarded = ["6.6.6.6, 203.0.113.9, 10.0.0.1"];
        assert_eq!(client("127.0.0.1,10.0.0.1", &forwarded, "127.0.0.1"), "203.0.113.9");
        assert_eq!(client("127.0.0.1,10.0.0.1", &forwarded, "198.51.100.1"), "198.51.100.1");
        // Several header lines form one list.
        assert_eq!(client("127.0.0.1", &["6.6.6.6", "203.0.113.9"], "127.0.0.1"), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &[], "127.0.0.1"), "127.0.0.1");
    }

    #[test]
    fn a_proxy_may_be_any_address_of_a_network() {
        let forwarded = ["6.6.6.6, 203.0.113.9, 10.7.7.7"];
        assert_eq!(client("10.0.0.0/8", &forwarded, "10.1.2.3"), "203.0.113.9");
        assert_eq!(client("10.0.0.0/16", &forwarded, "10.0.2.3"), "10.7.7.7");
        assert_eq!(client("2001:db8::/32", &["203.0.113.9"], "2001:db8::1"), "203.0.113.9");
        // A client inside the network is counted by its own address.
        assert_eq!(client("10.0.0.0/8", &["10.9.9.9, 10.7.7.7"], "10.1.2.3"), "10.9.9.9");
    }

    #[test]
    fn an_ipv4_peer_of_an_ipv6_listener_is_an_ipv4_address() {
        assert_eq!(client("10.0.0.1", &["203.0.113.9"], "::ffff:10.0.0.1"), "203.0.113.9");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.9"], "10.0.0.1"), "203.0.113.9");
        assert_eq!(client("::ffff:10.0.0.0/104", &["::ffff:203.0.113.9"], "::ffff:10.0.0.1"), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &[], "::ffff:198.51.100.1"), "198.51.100.1");
    }

    #[test]
    fn no_hop_beyond_an_invalid_one_is_trusted() {
        for hop in ["unknown", "_hidden", "", "203.0.113", "203.0.113.9:", "[::1", "caf\u{e9}", "::1%eth0"] {
            let forwarded = format!("6.6.6.6, {hop}");
            assert_eq!(client("10.0.0.1", &[&forwarded], "10.0.0.1"), "10.0.0.1", "{hop}");
            let behind = format!("6.6.6.6, {hop}, 203.0.113.9");
            assert_eq!(client("10.0.0.1", &[&behind], "10.0.0.1"), "203.0.113.9", "{hop}");
        }
    }

    #[test]
    fn hops_may_have_ports() {
        for (hop, address) in [
            ("203.0.113.9:5678", "203.0.113.9"),
            ("[2001:db8:1:2:3::4]:80", "2001:db8:1:2::"),
            ("[2001:db8:1:2:3::4]", "2001:db8:1:2::"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
            ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ] {
            assert_eq!(client("10.0.0.1", &[hop], "10.0.0.1"), address, "{hop}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_the_network_of_a_subscriber() {
        let count = |peer: &str| client("10.0.0.1", &[], peer);
        assert_eq!(count("2001:db8:1:2::1"), count("2001:db8:1:2:ffff::1"));
        assert_ne!(count("2001:db8:1:2::1"), count("2001:db8:1:3::1"));
    }
}
