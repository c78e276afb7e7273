//! All settings in one struct. A flag takes precedence over the environment variable, and this over the default. No
//! other module reads the environment. A test compares the README's table with this file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::{IpNet, Ipv4Net};
use shared::admin::{Guests, Registration};

use crate::postgres;

/// A self-hosted real-time chat
///
/// All settings are optional. Without --database-url, Parlance runs a private Postgres in the data directory.
#[derive(Clone, Debug, Parser)]
#[command(name = "parlance", version)]
pub struct Config {
    #[command(subcommand)]
    #[allow(missing_docs)]
    pub command: Option<Command>,

    /// Address and port to listen on
    #[arg(long, global = true, env = "PARLANCE_BIND", value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)))]
    pub bind: SocketAddr,

    /// Port to listen on, overriding the one in --bind
    #[arg(long, global = true, env = "PORT", value_name = "PORT")]
    pub port: Option<u16>,

    /// Postgres to use, as a URL or libpq connection string; by default, a private one in the data directory
    #[arg(long, global = true, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Directory of the private Postgres and of files
    #[arg(long, global = true, env = "PARLANCE_DATA_DIR", value_name = "DIRECTORY", default_value_os_t = default_data_dir())]
    pub data_dir: PathBuf,

    /// Directory of initdb, postgres, pg_dump and pg_restore; by default, the usual directories are searched
    #[arg(long, global = true, env = "PARLANCE_POSTGRES_BIN_DIR", value_name = "DIRECTORY")]
    pub postgres_bin_dir: Option<PathBuf>,

    /// Number of database connections for reads
    #[arg(long, env = "PARLANCE_DATABASE_CONNECTIONS", value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub database_connections: u32,

    /// Name of this server, shown to users
    #[arg(long, env = "PARLANCE_NAME", value_name = "NAME", default_value = "Parlance")]
    pub name: String,

    /// Public URL of the server, such as https://chat.example.org; with https, the cookie is Secure
    #[arg(long, global = true, env = "PARLANCE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Other origins whose pages may use the session cookie, such as a development server
    #[arg(long, env = "PARLANCE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,

    /// Addresses or networks of proxies whose X-Forwarded-For is trusted, such as 10.0.0.0/8
    #[arg(long, env = "PARLANCE_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',', value_parser = parse_network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Who may read public rooms
    #[arg(long, env = "PARLANCE_ACCESS", value_name = "WHO", value_enum, default_value_t = Access::Open)]
    pub access: Access,

    /// Who may create an account; admins can change it while the server runs
    #[arg(long, env = "PARLANCE_REGISTRATION", value_name = "WHO", default_value = Registration::Open.name(), value_parser = named(Registration::ALL, Registration::name))]
    pub registration: Registration,

    /// Who may come as a guest; admins can change it while the server runs
    #[arg(long, env = "PARLANCE_GUESTS", value_name = "WHO", default_value = Guests::Open.name(), value_parser = named(Guests::ALL, Guests::name))]
    pub guests: Guests,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub files: FileSettings,

    /// Whether to limit rates, uploads per day, and the sockets per user and address; off is for benchmarks and tests
    #[arg(long, env = "PARLANCE_RATE_LIMITS", value_name = "ON", value_enum, default_value_t = Switch::On)]
    pub rate_limits: Switch,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitSettings,

    /// Format of log lines
    #[arg(long, global = true, env = "PARLANCE_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: a level such as info, or directives such as api=debug
    #[arg(long, global = true, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// What the program does instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Administer accounts, also while the server runs
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Write messages, accounts and files into one file, also while the server runs
    Backup {
        /// The file to write, which must not exist; - is the standard output
        file: PathBuf,
    },
    /// Restore a backup into an empty data directory, or an empty database of --database-url
    Restore {
        /// The file of the backup
        file: PathBuf,
    },
}

/// An act of `parlance admin`.
#[derive(Clone, Debug, Subcommand)]
pub enum AdminCommand {
    /// List the accounts
    Users,
    /// Create an account and print a link that sets its password
    Create {
        /// The name of the account
        name: String,
    },
    /// Make an account an admin of the server
    Promote {
        /// The name of the account
        name: String,
    },
    /// Make an account no admin any more
    Demote {
        /// The name of the account
        name: String,
    },
    /// Lock an account out
    Disable {
        /// The name of the account
        name: String,
    },
    /// Let a disabled account in again
    Enable {
        /// The name of the account
        name: String,
    },
    /// Print a link that sets a new password
    ResetPassword {
        /// The name of the account
        name: String,
    },
    /// List the rooms
    Rooms,
    /// Make an account an owner of a room
    SetOwner {
        /// The id of the room, or the name of a public one
        room: String,
        /// The name of the account
        name: String,
    },
    /// Delete a room with its messages
    DeleteRoom {
        /// The id of the room, or the name of a public one
        room: String,
    },
}

/// The limits. Regular use does not reach the defaults.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitSettings {
    /// Messages a user may send, edit or delete per second
    #[arg(long, env = "PARLANCE_SENDS_PER_SECOND", value_name = "COUNT", default_value_t = 5, value_parser = positive())]
    pub sends_per_second: u32,

    /// Messages a user may send, edit or delete in a burst
    #[arg(long, env = "PARLANCE_SENDS_BURST", value_name = "COUNT", default_value_t = 10, value_parser = positive())]
    pub sends_burst: u32,

    /// Messages that may be sent, edited or deleted in a room per second
    #[arg(long, env = "PARLANCE_ROOM_SENDS_PER_SECOND", value_name = "COUNT", default_value_t = 20, value_parser = positive())]
    pub room_sends_per_second: u32,

    /// API requests per second of a user
    #[arg(long, env = "PARLANCE_USER_REQUESTS_PER_SECOND", value_name = "COUNT", default_value_t = 50, value_parser = positive())]
    pub user_requests_per_second: u32,

    /// API requests per second of an address without a session, and lookups of unknown tokens
    #[arg(long, env = "PARLANCE_ADDRESS_REQUESTS_PER_SECOND", value_name = "COUNT", default_value_t = 20, value_parser = positive())]
    pub address_requests_per_second: u32,

    /// Rooms a user may create per hour, and rooms they may rename or delete
    #[arg(long, env = "PARLANCE_ROOMS_PER_HOUR", value_name = "COUNT", default_value_t = 30, value_parser = positive())]
    pub rooms_per_hour: u32,

    /// Guests created per hour from an address
    #[arg(long, env = "PARLANCE_GUESTS_PER_HOUR", value_name = "COUNT", default_value_t = 20, value_parser = positive())]
    pub guests_per_hour: u32,

    /// Frames a socket may send per minute
    #[arg(long, env = "PARLANCE_FRAMES_PER_MINUTE", value_name = "COUNT", default_value_t = 120, value_parser = positive())]
    pub frames_per_minute: u32,

    /// Sockets a user may have open
    #[arg(long, env = "PARLANCE_SOCKETS_PER_USER", value_name = "COUNT", default_value_t = 10, value_parser = positive())]
    pub sockets_per_user: u32,

    /// Sockets an address may have open
    #[arg(long, env = "PARLANCE_SOCKETS_PER_ADDRESS", value_name = "COUNT", default_value_t = 50, value_parser = positive())]
    pub sockets_per_address: u32,

    /// Sockets that may be open in total
    #[arg(long, env = "PARLANCE_SOCKETS", value_name = "COUNT", default_value_t = 10_000, value_parser = positive())]
    pub sockets: u32,
}

/// Where files are, and how large they may be.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Files")]
pub struct FileSettings {
    /// Where files are stored, such as s3://bucket/prefix; by default, in the data directory
    #[arg(long, global = true, env = "PARLANCE_FILES", value_name = "URL")]
    pub files: Option<String>,

    /// Size of an uploaded file, in MiB
    #[arg(long, env = "PARLANCE_UPLOAD_MIB", value_name = "MIB", default_value_t = 25, value_parser = positive())]
    pub upload_mib: u32,

    /// MiB that a member may upload per day
    #[arg(long, env = "PARLANCE_MEMBER_UPLOAD_MIB_PER_DAY", value_name = "MIB", default_value_t = 100, value_parser = positive())]
    pub member_upload_mib_per_day: u32,

    /// MiB that a guest may upload per day
    #[arg(long, env = "PARLANCE_GUEST_UPLOAD_MIB_PER_DAY", value_name = "MIB", default_value_t = 10, value_parser = positive())]
    pub guest_upload_mib_per_day: u32,

    /// MiB that the guests of an address may upload per day
    #[arg(long, env = "PARLANCE_ADDRESS_UPLOAD_MIB_PER_DAY", value_name = "MIB", default_value_t = 50, value_parser = positive())]
    pub address_upload_mib_per_day: u32,

    /// MiB of the disk that stay free: with less, uploads are refused
    #[arg(long, env = "PARLANCE_LEAST_FREE_MIB", value_name = "MIB", default_value_t = 1_024)]
    pub least_free_mib: u32,
}

/// Parses a value by its name.
fn named<T: Copy + Send + Sync + 'static, const COUNT: usize>(
    all: [T; COUNT],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let names = all.map(name);
    PossibleValuesParser::new(names)
        .try_map(move |given| all.into_iter().find(|value| name(*value) == given).ok_or("unknown"))
}

fn positive() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

/// A network as `10.0.0.0/8`, or a single address. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is IPv4.
fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "neither an address nor a network such as 10.0.0.0/8".to_owned())?;
    let mapped = match network {
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    match mapped {
        Some((address, length)) => {
            Ipv4Net::new(address, length).map(IpNet::V4).map_err(|error| error.to_string())
        }
        None => Ok(network),
    }
}

/// Who may read public rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Access {
    /// Everybody, also without signing in
    Open,
    /// Only users who have signed in
    Members,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable text
    Text,
    /// One JSON object per line
    Json,
}

impl Config {
    /// The database of --database-url; `None` for the private one. Compose files turn an unset variable into an empty one.
    pub fn external_database(&self) -> Option<&str> {
        self.database_url.as_deref().filter(|url| !url.trim().is_empty())
    }

    /// The private Postgres.
    pub fn private_postgres(&self) -> postgres::Options {
        postgres::Options { data_dir: self.data_dir.clone(), bin_dir: self.postgres_bin_dir.clone() }
    }

    /// The address to listen on, from --bind and --port.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.bind.ip(), self.port.unwrap_or(self.bind.port()))
    }

    /// The URL under which users reach a server that listens on `address`, without a slash at the end: the setting, or
    /// the address as seen from this machine.
    pub fn public_url(&self, address: SocketAddr) -> String {
        match (&self.public_url, address.ip()) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, ip) if ip.is_unspecified() => format!("http://localhost:{}", address.port()),
            (None, _) => format!("http://{address}"),
        }
    }

    /// Whether the public URL is an https URL.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// The data directory of the XDG base directory specification; for root, `/var/lib/parlance`.
fn default_data_dir() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let data_home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    match (data_home, home) {
        (Some(data_home), _) => data_home.join("parlance"),
        (None, Some(home)) if home != std::path::Path::new("/root") => home.join(".local/share/parlance"),
        _ => PathBuf::from("/var/lib/parlance"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_settings_are_optional() {
        let config = Config::parse_from(["parlance"]);
        assert!(config.limits.sends_burst >= config.limits.sends_per_second);
        assert!(!config.data_dir.as_os_str().is_empty());
    }

    #[test]
    fn a_trusted_proxy_is_an_address_or_a_network() {
        let config = |networks: &str| Config::try_parse_from(["parlance", "--trusted-proxies", networks]);
        let networks = config("10.0.0.0/8,127.0.0.1,2001:db8::/32,::ffff:192.0.2.1").unwrap().trusted_proxies;
        let networks: Vec<String> = networks.iter().map(IpNet::to_string).collect();
        assert_eq!(networks, ["10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32", "192.0.2.1/32"]);
        for wrong in ["10.0.0.0/33", "proxy.example.org", "10.0.0.1:80"] {
            assert!(config(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_port_overrides_that_of_the_address() {
        let config = Config::parse_from(["parlance", "--bind", "0.0.0.0:80", "--port", "8081"]);
        assert_eq!(config.address(), SocketAddr::from(([0, 0, 0, 0], 8081)));
    }

    #[test]
    fn only_an_https_url_is_https() {
        assert!(Config::parse_from(["parlance", "--public-url", "https://chat.example.org"]).is_https());
        assert!(!Config::parse_from(["parlance", "--public-url", "http://chat.example.org"]).is_https());
    }
}
