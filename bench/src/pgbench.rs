//! Runs of `pgbench` with the statements in `bench/sql/`: what the database does alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::postgres::Cluster;
use crate::stats::Histogram;
use crate::{Outcome, fail};

/// A statement with its variables.
pub struct Script {
    sql: &'static str,
    variables: Vec<(&'static str, String)>,
    /// The schemas of its tables.
    search_path: &'static str,
}

/// The result of a run.
#[derive(Clone, Copy, Debug)]
pub struct Transactions {
    /// Transactions per second.
    pub rate: f64,
    /// The number of transactions.
    pub count: f64,
    /// The median time of a transaction in milliseconds if the run had a log, otherwise the mean.
    pub median_millis: f64,
    /// CPU time of the database.
    pub cpu: Duration,
}

impl Script {
    /// A statement of `bench/sql/`.
    pub fn new(sql: &'static str, search_path: &'static str) -> Self {
        Self { sql, variables: Vec::new(), search_path }
    }

    /// Sets a variable.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.variables.push((name, value.to_string()));
        self
    }

    /// Runs it with a number of clients for some time.
    pub fn run(&self, cluster: &Cluster, clients: usize, time: Duration) -> Outcome<Transactions> {
        self.pgbench(cluster, clients, |command| {
            command.args(["-T", &time.as_secs().max(1).to_string()]);
        })
    }

    /// Runs it a number of times with one client.
    pub fn repeat(&self, cluster: &Cluster, times: u32) -> Outcome<Transactions> {
        self.pgbench(cluster, 1, |command| {
            command.args(["-t", &times.to_string()]);
        })
    }

    /// Runs it with one client and logs the time of each transaction. Logging slows `pgbench`, so it is not for rates.
    pub fn time(&self, cluster: &Cluster, scratch: &Path, time: Duration) -> Outcome<Transactions> {
        let prefix = scratch.join("pgbench");
        let mut run = self.pgbench(cluster, 1, |command| {
            command.args(["-T", &time.as_secs().max(1).to_string(), "--log", "--log-prefix"]).arg(&prefix);
        })?;
        let mut latencies = Histogram::default();
        for log in logs(scratch)? {
            for line in fs::read_to_string(&log)?.lines() {
                // client, transaction, latency in microseconds, …
                let micros = line.split(' ').nth(2).and_then(|field| field.parse().ok());
                latencies.record(Duration::from_micros(micros.unwrap_or(0)));
            }
            fs::remove_file(log)?;
        }
        run.median_millis = latencies.millis(0.5);
        Ok(run)
    }

    /// The number of clients with the best rate.
    pub fn best_of(&self, cluster: &Cluster, clients: &[usize], time: Duration) -> Outcome<usize> {
        let mut best = (0.0, 1);
        for &count in clients {
            let rate = self.run(cluster, count, time)?.rate;
            if rate > best.0 {
                best = (rate, count);
            }
        }
        Ok(best.1)
    }

    fn pgbench(
        &self,
        cluster: &Cluster,
        clients: usize,
        more: impl FnOnce(&mut Command),
    ) -> Outcome<Transactions> {
        let file = cluster.socket_dir().join("../../script.sql");
        fs::write(&file, self.sql)?;
        let mut command = cluster.tool("pgbench");
        command.env("PGOPTIONS", format!("-c search_path={}", self.search_path));
        command.args(["-n", "-M", "prepared", "-c", &clients.to_string(), "-j", &clients.min(2).to_string()]);
        for (name, value) in &self.variables {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        more(command.arg("-f").arg(&file));
        let before = cluster.cpu_time();
        let output = command.output()?;
        let cpu = cluster.cpu_time() - before;
        let text = String::from_utf8_lossy(&output.stdout);
        let complaint = || fail(format!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr)));
        let number = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name))?;
            value.split([' ', '/']).find(|word| !word.is_empty())?.parse::<f64>().ok()
        };
        let failed = number("number of failed transactions:").unwrap_or(0.0);
        match (number("tps ="), number("number of transactions actually processed:")) {
            (Some(rate), Some(count)) if output.status.success() && failed == 0.0 => Ok(Transactions {
                rate,
                count,
                median_millis: number("latency average =").unwrap_or(0.0),
                cpu,
            }),
            _ => Err(complaint()),
        }
    }
}

fn logs(scratch: &Path) -> Outcome<Vec<PathBuf>> {
    let is_log = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("pgbench.")
    };
    let paths: Result<Vec<PathBuf>, _> = fs::read_dir(scratch)?.map(|entry| Ok(entry?.path())).collect();
    Ok(paths.map_err(|error: std::io::Error| error)?.into_iter().filter(is_log).collect())
}
