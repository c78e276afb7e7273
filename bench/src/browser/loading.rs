//! The first load: from the navigation to the first message painted, with an empty cache and a filled one, on this
//! machine and on a phone.

use std::net::SocketAddr;

use serde_json::Value;

use super::chromium::Chromium;
use super::page::{Cache, Conditions};
use super::{Site, World, median};
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::stats::Spread;
use crate::{Outcome, fail};

/// The kinds of visits.
const VISITS: [(&str, Cache, Conditions); 3] = [
    ("cold", Cache::Cold, Conditions::Local),
    ("cold, phone", Cache::Cold, Conditions::Phone),
    ("warm", Cache::Warm, Conditions::Local),
];

/// A figure of a visit: its name in the probe, its head in the table, and what it is divided by.
const FIGURES: [(&str, &str, f64); 8] = [
    ("message", "First message ms", 1.0),
    ("typing", "Composer ms", 1.0),
    ("contentful", "FCP ms", 1.0),
    ("largest", "LCP ms", 1.0),
    ("blocking", "Blocked ms", 1.0),
    ("shift", "CLS", 1.0),
    ("bytes", "KB", 1e3),
    ("requests", "Requests", 1.0),
];

/// The visits of one kind, round by round.
struct Visits {
    site: &'static str,
    kind: &'static str,
    all: Vec<Value>,
}

impl Visits {
    fn figure(&self, name: &str, divisor: f64) -> Vec<f64> {
        let values = self.all.iter().map(|visit| visit[name].as_f64());
        values.map(|value| value.unwrap_or(f64::NAN) / divisor).collect()
    }
}

/// Measures it.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let path = format!("/rooms/{}", world.rooms[0]);
    for site in &world.sites {
        // The second visit may still compile and store what the first one has fetched.
        for _ in 0..2 {
            visit(chromium, site.addr, &path, Cache::Warm, Conditions::Local)?;
        }
    }
    let mut all: Vec<Visits> = Vec::new();
    for round in 1..=run.rounds {
        run.say(&format!("(f) first load, round {round}"));
        for (kind, cache, conditions) in VISITS {
            for Site { name: site, addr } in &world.sites {
                let found = visit(chromium, *addr, &path, cache, conditions)?;
                match all.iter_mut().find(|visits| visits.site == *site && visits.kind == kind) {
                    Some(visits) => visits.all.push(found),
                    None => all.push(Visits { site, kind, all: vec![found] }),
                }
            }
        }
    }
    report(&all, section)
}

fn visit(
    chromium: &Chromium,
    addr: SocketAddr,
    path: &str,
    cache: Cache,
    conditions: Conditions,
) -> Outcome<Value> {
    let page = chromium.page(cache)?;
    page.suffer(conditions)?;
    page.visit(addr, path)?;
    page.run("bench.load()")
}

fn report(all: &[Visits], section: &mut Section) -> Outcome<()> {
    let find = |site: &str, kind: &str| {
        let found = all.iter().find(|visits| visits.site == site && visits.kind == kind);
        found.ok_or_else(|| fail("a kind of visit was not measured"))
    };
    let mut goal = |what: &str, kind: &str, (name, divisor, most): (&str, f64, f64), unit: &'static str| {
        let reached = Spread::of(find(super::PARLANCE, kind)?.figure(name, divisor));
        section.goal(Goal::new(what, Target::AtMost(most), reached).with_unit(unit));
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    goal("Transferred until the first message is painted", "cold", ("bytes", 1e3, 200.0), " KB")?;
    goal("Requests until the first message is painted", "cold", ("requests", 1.0, 5.0), "")?;
    goal("First message painted, cold", "cold", ("message", 1.0, 250.0), " ms")?;
    goal("First message painted, cold, phone", "cold, phone", ("message", 1e3, 1.3), " s")?;
    let mut head = vec!["First load", "Visit", "÷ floor"];
    head.extend(FIGURES.map(|(_, head, _)| head));
    let mut table = Table::new(&head);
    for visits in all {
        let floor = find(super::FLOOR, visits.kind)?.figure("message", 1.0);
        let ratio = Spread::ratio(&visits.figure("message", 1.0), &floor).median;
        let mut row = vec![visits.site.to_owned(), visits.kind.to_owned(), number(ratio)];
        row.extend(FIGURES.map(|(name, _, divisor)| median(visits.figure(name, divisor))));
        table.row(row);
    }
    section.table(table);
    Ok(())
}
