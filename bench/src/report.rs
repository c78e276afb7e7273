//! What is told: targets and whether they were reached first, then the figures behind them, as markdown.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::thread;

use crate::Outcome;
use crate::misses::why;
use crate::run::Run;
use crate::stats::Spread;

/// What a figure has to keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// More than this: a control that must fail, or the target beside it proves nothing.
    MustExceed(f64),
}

/// A target and what was reached.
#[derive(Clone, Debug)]
pub struct Goal {
    what: String,
    target: Target,
    reached: Spread,
    unit: &'static str,
}

impl Goal {
    /// A ratio.
    pub fn new(what: impl Into<String>, target: Target, reached: Spread) -> Self {
        Self { what: what.into(), target, reached, unit: "" }
    }

    /// A figure with a unit.
    pub fn with_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// By how much of the target it is missed, if it is.
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
}

/// Rows under a head.
#[derive(Clone, Debug, Default)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// With one more row.
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

/// What one suite has to say.
#[derive(Clone, Debug, Default)]
pub struct Section {
    title: String,
    notes: Vec<String>,
    goals: Vec<Goal>,
    tables: Vec<Table>,
    /// Names of files beside the report and what they hold.
    pub plots: Vec<(String, String)>,
}

impl Section {
    /// An empty one.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// Says what was measured, in a sentence.
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

    /// What is known of the targets that are missed.
    fn misses(&self) -> String {
        let missed = self.goals.iter().filter(|goal| goal.missed_by().is_some());
        let known = missed.filter_map(|goal| Some((&goal.what, why(&goal.what)?)));
        let lines: String = known.map(|(what, why)| format!("- {what}: {why}\n")).collect();
        if lines.is_empty() { lines } else { format!("\nMissed, and why:\n{lines}") }
    }

    /// The whole of it.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n", self.title);
        let mut goals = Table::new(&["", "Target", "Reached", "Range", ""]);
        for goal in &self.goals {
            goals.row(goal.row());
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        let tables = std::iter::once(&goals).chain(&self.tables).filter(|table| !table.rows.is_empty());
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

/// All that is told.
pub struct Report {
    head: String,
    sections: Vec<Section>,
}

impl Report {
    /// Begins to tell, with the conditions.
    pub fn start(run: &Run) -> Outcome<Self> {
        let [version] = run.cluster.numbers("SELECT current_setting('server_version_num')::int / 10000")?;
        let head = format!(
            "# Performance\n\
             Written by `./script/bench`, which prints the same. Absolute figures do not carry from one machine to the \
             next, so what counts are ratios against references in the same run: the median over {} rounds in which \
             Parlance and the references took turns, {} s each after a warm-up that is thrown away; the range is that \
             of the rounds.\n\
             Here: {} cores, load and database on them too; Postgres {version:.0} with the settings of Parlance's private cluster, \
             read back: {}.\n",
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

    /// Writes it all, plots beside it.
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

/// A number as people read it: three digits that mean something, thousands apart.
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
