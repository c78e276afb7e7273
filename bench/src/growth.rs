//! (g) Growth: how a cost changes when the quantity that it may depend on grows tenfold and tenfold again. A slope of 0
//! means not at all, a slope of 1 means in proportion.

use crate::Outcome;
use crate::fanout::TEXT_LENGTH;
use crate::history::Point;
use crate::lane::Lane;
use crate::memory;
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::stats::{Spread, log_log_slope};

/// Sizes of the room for the cost of a delivery.
const MEMBERS: [usize; 4] = [10, 100, 1_000, 5_000];
/// Deliveries per second, for any number of members.
const DELIVERIES: f64 = 20_000.0;
/// The largest slope that counts as flat.
const FLAT: f64 = 0.05;

/// A cost over the quantity that it may depend on.
struct Growth {
    what: &'static str,
    unit: &'static str,
    points: Vec<(f64, f64)>,
    /// Whether it must grow.
    is_control: bool,
}

/// Measures what the other suites have not measured, and fits everything.
pub fn measure(run: &Run, history: &[Point]) -> Outcome<Section> {
    let mut all = of_messages(history);
    all.extend(of_connections(run)?);
    all.extend(of_members(run)?);
    Ok(section(&all))
}

fn of_messages(history: &[Point]) -> Vec<Growth> {
    let over = |what, unit, is_control, figure: &dyn Fn(&Point) -> f64| Growth {
        what,
        unit,
        points: history.iter().map(|point| (point.messages as f64, figure(point))).collect(),
        is_control,
    };
    let page = |point: &Point, is_deepest: bool| {
        let depth = if is_deepest { point.depths.last() } else { point.depths.first() };
        depth.map_or(f64::NAN, |depth| Spread::of(depth.ours.iter().copied()).median)
    };
    vec![
        over("A message, over messages in its room", "ms", false, &|point| point.post_millis),
        over("The newest page, over messages in its room", "ms", false, &|point| page(point, false)),
        over("The deepest page, over messages in its room", "ms", false, &|point| page(point, true)),
        over("The deepest page by OFFSET", "ms", true, &|point| {
            point.depths.last().map_or(f64::NAN, |depth| depth.offset)
        }),
    ]
}

fn of_connections(run: &Run) -> Outcome<Vec<Growth>> {
    let mut each = Vec::new();
    for &sockets in &run.idle {
        each.push((sockets as f64, memory::idle_rss(run, sockets)?.max(0.01)));
    }
    let together = each.iter().map(|(sockets, kib)| (*sockets, sockets * kib)).collect();
    Ok(vec![
        Growth {
            what: "Memory a connection, over connections",
            unit: "KiB",
            points: each,
            is_control: false,
        },
        Growth {
            what: "Memory of all connections together",
            unit: "KiB",
            points: together,
            is_control: true,
        },
    ])
}

fn of_members(run: &Run) -> Outcome<Vec<Growth>> {
    let most = run.crowds.last().copied().unwrap_or(0);
    let mut each = Vec::new();
    for members in MEMBERS.into_iter().filter(|members| *members <= most) {
        run.say(&format!("(g) {members} members"));
        let mut lane = Lane::parlance(run, &run.now, members, TEXT_LENGTH)?;
        let per_second = DELIVERIES / members as f64;
        let mut costs = Vec::new();
        for _ in 0..run.rounds.min(3) {
            lane.steady(run, per_second, run.warm_up)?;
            costs.push(lane.steady(run, per_second, run.window)?.cpu_micros);
        }
        each.push((members as f64, Spread::of(costs).median));
    }
    let together = each.iter().map(|(members, micros)| (*members, members * micros)).collect();
    Ok(vec![
        Growth { what: "CPU a delivery, over members", unit: "µs", points: each, is_control: false },
        Growth { what: "CPU a message, over members", unit: "µs", points: together, is_control: true },
    ])
}

fn section(all: &[Growth]) -> Section {
    let mut section = Section::new("(g) Growth");
    section.note(
        "The slope of a line through the logarithms: 0 when the cost does not change while the quantity grows tenfold \
         and tenfold again, 1 when it grows in proportion. Controls must be seen to grow.",
    );
    let mut table = Table::new(&["", "Over", "Cost"]);
    for Growth { what, unit, points, is_control } in all {
        let slope = Spread::of([log_log_slope(points)]);
        let target = if *is_control { Target::MustExceed(FLAT) } else { Target::AtMost(FLAT) };
        let name = if *is_control { format!("{what} (control)") } else { (*what).to_owned() };
        section.goal(Goal::new(name, target, slope));
        let list = |value: fn(&(f64, f64)) -> f64| {
            points.iter().map(|point| number(value(point))).collect::<Vec<_>>().join(" · ")
        };
        table.row(vec![
            (*what).to_owned(),
            list(|point| point.0),
            format!("{} {unit}", list(|point| point.1)),
        ]);
    }
    section.table(table);
    section
}
