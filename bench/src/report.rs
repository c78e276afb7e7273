//! The report as markdown: first the targets and whether they were reached, then the figures behind them.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::thread;

use crate::Outcome;
use crate::misses::reason;
use crate::run::Run;
use crate::stats::Spread;

/// A bound for a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// More than this: a control that must fail, otherwise the target beside it proves nothing.
    MustExceed(f64),
}

/// A target and the figure that was reached.
#[derive(Clone, Debug)]
pub struct Goal {
    what: String,
    target: Target,
    reached: Spread,
    unit: &'static str,
    before: Option<Before>,
}

/// The same figure of the version before.
#[derive(Clone, Debug)]
struct Before {
    reached: Spread,
    /// Now ÷ before, round by round.
    ratio: Spread,
}

impl Goal {
    /// A figure without a unit.
    pub fn new(what: impl Into<String>, target: Target, reached: Spread) -> Self {
        Self { what: what.into(), target, reached, unit: "", before: None }
    }

    /// A figure per round, of the present version and of the version before. Only the present one is judged.
    pub fn compared(
        what: impl Into<String>,
        target: Target,
        now: Vec<f64>,
        before: Option<Vec<f64>>,
    ) -> Self {
        let before =
            before.map(|before| Before { ratio: Spread::ratio(&now, &before), reached: Spread::of(before) });
        Self { before, ..Self::new(what, target, Spread::of(now)) }
    }

    /// Gives the figure a unit.
    pub fn with_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// The share of the target by which it is missed, if it is missed.
    fn missed_by(&self) -> Option<f64> {
        let reached = self.reached.median;
        let missed = match self.target {
            Target::AtLeast(least) => (least - reached) / least,
            Target::AtMost(most) if reached <= most => 0.0,
            Target::AtMost(most) => (reached - most) / most.abs().max(f64::MIN_POSITIVE),
            Target::MustExceed(bound) if reached > bound => 0.0,
            Target::MustExceed(bound) => (bound - reached) / bound.max(1.0),
        };
        (missed > 0.0 || missed.is_nan()).then_some(missed)
    }

    fn row(&self) -> Vec<String> {
        let unit = self.unit;
        let target = match self.target {
            Target::AtLeast(least) => format!("≥ {least}{unit}"),
            Target::AtMost(most) => format!("≤ {most}{unit}"),
            Target::MustExceed(bound) => format!("must exceed {bound}{unit}"),
        };
        let Spread { median, low, high } = self.reached;
        let verdict = match self.missed_by() {
            None => "✓".to_owned(),
            Some(part) if part < 10.0 => format!("**missed by {:.0} %**", (part * 100.0).max(1.0)),
            Some(_) => "**missed**".to_owned(),
        };
        vec![
            self.what.clone(),
            target,
            format!("{}{unit}", number(median)),
            format!("{} – {}", number(low), number(high)),
            verdict,
        ]
    }

    /// The row that compares it with the version before.
    fn comparison(&self) -> Option<Vec<String>> {
        let Before { reached, ratio } = self.before.as_ref()?;
        let value = |spread: &Spread| format!("{}{}", number(spread.median), self.unit);
        let (median, range) = match ratio {
            // Nothing ÷ nothing.
            Spread { high: 0.0, .. } => ("–".to_owned(), "–".to_owned()),
            Spread { median, low, high } => {
                (number(*median), format!("{} – {}", number(*low), number(*high)))
            }
        };
        Some(vec![self.what.clone(), value(reached), value(&self.reached), median, range])
    }
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> =
            (0..self.head.len()).map(|n| if n == 0 { "---" } else { "--:" }.to_owned()).collect();
        let rows: String = self.rows.iter().map(|cells| line(cells)).collect();
        format!("{}{}{rows}", line(&self.head), line(&rule))
    }
}

/// The report of one suite.
#[derive(Clone, Debug, Default)]
pub struct Section {
    title: String,
    notes: Vec<String>,
    goals: Vec<Goal>,
    tables: Vec<Table>,
    /// Files beside the report: name and content.
    pub plots: Vec<(String, String)>,
}

impl Section {
    /// An empty section.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// Adds a sentence about what was measured.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds a target.
    pub fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }

    /// Adds figures.
    pub fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds a plot, given as SVG.
    pub fn plot(&mut self, file: &str, svg: String) {
        self.plots.push((file.to_owned(), svg));
    }

    /// The known reasons of the missed targets.
    fn misses(&self) -> String {
        let missed = self.goals.iter().filter(|goal| goal.missed_by().is_some());
        let known = missed.filter_map(|goal| Some((&goal.what, reason(&goal.what)?)));
        let lines: String = known.map(|(what, reason)| format!("- {what}: {reason}\n")).collect();
        if lines.is_empty() { lines } else { format!("\nMissed, and why:\n{lines}") }
    }

    /// All of it.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n", self.title);
        let mut goals = Table::new(&["", "Target", "Reached", "Range", ""]);
        for goal in &self.goals {
            goals.row(goal.row());
        }
        let mut comparison =
            Table::new(&["Compared with the version before", "Before", "Now", "Now ÷ before", "Range"]);
        for row in self.goals.iter().filter_map(Goal::comparison) {
            comparison.row(row);
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        let tables =
            [&goals, &comparison].into_iter().chain(&self.tables).filter(|table| !table.rows.is_empty());
        for table in tables {
            let _ = write!(text, "\n{}", table.markdown());
        }
        text.push_str(&self.misses());
        for (file, _) in &self.plots {
            let _ = writeln!(text, "\n![{}]({file})", self.title);
        }
        text
    }
}

/// The whole report.
pub struct Report {
    head: String,
    sections: Vec<Section>,
}

impl Report {
    /// Prints the conditions.
    pub fn start(run: &Run) -> Outcome<Self> {
        let [version] = run.cluster.numbers("SELECT current_setting('server_version_num')::int / 10000")?;
        let head = format!(
            "# Performance\n\
             Written by `./script/bench`, which prints the same text. Absolute figures do not carry from one machine \
             to the next, so the targets are ratios to references in the same run. Each figure is the median of {} \
             rounds, in which Parlance and the references took turns of {} s each after a warm-up; the range is that \
             of the rounds.\n\
             This machine: {} cores, shared with the load and the database; Postgres {version:.0} with the settings of \
             Parlance's private cluster, read back: {}.\n",
            run.rounds,
            number(run.window.as_secs_f64()),
            thread::available_parallelism()?,
            run.cluster.durability()?,
        );
        println!("{head}");
        Ok(Self { head, sections: Vec::new() })
    }

    /// Prints a section and keeps it.
    pub fn add(&mut self, section: Section) {
        println!("{}", section.markdown());
        self.sections.push(section);
    }

    /// Writes the report to a file, and the plots beside it.
    pub fn write(&self, path: &Path) -> Outcome<()> {
        let sections: Vec<String> = self.sections.iter().map(Section::markdown).collect();
        fs::write(path, format!("{}\n{}", self.head, sections.join("\n")))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for (file, svg) in self.sections.iter().flat_map(|section| &section.plots) {
            fs::write(folder.join(file), svg)?;
        }
        Ok(())
    }
}

/// A number for people: three significant digits, thousands separated.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    let text = match magnitude {
        _ if value.fract() == 0.0 && magnitude < 1e4 => format!("{value:.0}"),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    if digits.contains('.') || digits.len() < 5 {
        return text;
    }
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    format!("{sign}{}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: Target, median: f64) -> String {
        Goal::new("x", target, Spread { median, low: median, high: median }).row().remove(4)
    }

    #[test]
    fn a_miss_is_shown_as_a_miss() {
        assert_eq!(verdict(Target::AtLeast(2.0), 2.0), "✓");
        assert_eq!(verdict(Target::AtLeast(2.0), 1.5), "**missed by 25 %**");
        assert_eq!(verdict(Target::AtMost(1.0), 1.5), "**missed by 50 %**");
        assert_eq!(verdict(Target::AtMost(1.0), 0.5), "✓");
        assert_eq!(verdict(Target::AtMost(0.0), 0.0), "✓");
        assert_eq!(verdict(Target::AtMost(0.0), 1.0), "**missed**");
        assert_eq!(verdict(Target::MustExceed(0.05), 0.9), "✓");
        assert!(verdict(Target::MustExceed(0.05), 0.01).contains("missed"));
        assert!(verdict(Target::AtLeast(2.0), f64::NAN).contains("missed"));
    }

    #[test]
    fn a_goal_is_compared_with_the_version_before_round_by_round() {
        let goal = |now, before| Goal::compared("x", Target::AtLeast(3.0), now, before).with_unit(" s");
        assert_eq!(goal(vec![4.0], None).comparison(), None);
        let row = goal(vec![4.0, 6.0, 9.0], Some(vec![2.0, 2.0, 3.0])).comparison();
        assert_eq!(row, Some(["x", "2 s", "6 s", "3", "2 – 3"].map(str::to_owned).to_vec()));
        let row = goal(vec![0.0], Some(vec![0.0])).comparison();
        assert_eq!(row, Some(["x", "0 s", "0 s", "–", "–"].map(str::to_owned).to_vec()));
        assert_eq!(goal(vec![2.0], Some(vec![4.0])).row()[2], "2 s");
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (1234567.0, "1,234,567"),
            (1234.4, "1234"),
            (12.34, "12.3"),
            (1.234, "1.23"),
            (0.1234, "0.123"),
            (50.0, "50"),
            (-0.0123, "-0.012"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
