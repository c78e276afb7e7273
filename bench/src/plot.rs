//! Two kinds of plots as SVG, readable on a light and on a dark background.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const COLOURS: [&str; 4] = ["#2f81f7", "#8b949e", "#d1662f", "#3fa45b"];
/// A grey that is readable on black and on white.
const INK: &str = "#7d8590";

/// Bars with their values. The longest fills the width.
pub fn bars(title: &str, bars: &[(String, f64)]) -> String {
    const LABEL: f64 = 230.0;
    const STEP: f64 = 30.0;
    let longest = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut body = String::new();
    for (number, (name, value)) in bars.iter().enumerate() {
        let y = 40.0 + STEP * number as f64;
        let length = (WIDTH - LABEL - 80.0) * value / longest;
        let colour = COLOURS[usize::from(!name.starts_with("Parlance"))];
        let _ = writeln!(
            body,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LABEL}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"20\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            LABEL - 8.0,
            y + 15.0,
            LABEL + length + 6.0,
            y + 15.0,
            crate::report::number(*value),
        );
    }
    svg(title, 50.0 + STEP * bars.len() as f64, &body)
}

/// A line in a plot.
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// Lines over two logarithmic axes, labelled with powers of ten.
pub fn log_log(title: &str, x_name: &str, lines: &[Line]) -> String {
    const HEIGHT: f64 = 360.0;
    const LEFT: f64 = 60.0;
    const RIGHT: f64 = WIDTH - 170.0;
    const TOP: f64 = 50.0;
    const BOTTOM: f64 = HEIGHT - 50.0;
    let all = || lines.iter().flat_map(|line| &line.points);
    let (x_low, x_high) = decades(all().map(|point| point.0));
    let (y_low, y_high) = decades(all().map(|point| point.1));
    let x_at = |x: f64| LEFT + (RIGHT - LEFT) * (x.log10() - x_low) / (x_high - x_low);
    let y_at = |y: f64| BOTTOM - (BOTTOM - TOP) * (y.log10() - y_low) / (y_high - y_low);
    let mut body = String::new();
    for power in x_low as i32..=x_high as i32 {
        let x = x_at(10f64.powi(power));
        let _ = writeln!(
            body,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\" stroke=\"{INK}\" stroke-opacity=\"0.25\"/>\
             <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 18.0,
            power_of_ten(power),
        );
    }
    for power in y_low as i32..=y_high as i32 {
        let y = y_at(10f64.powi(power));
        let _ = writeln!(
            body,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\" stroke=\"{INK}\" stroke-opacity=\"0.25\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            power_of_ten(power),
        );
    }
    let _ = writeln!(
        body,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{x_name}</text>",
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 38.0,
    );
    for (line, colour) in lines.iter().zip(COLOURS) {
        let points: Vec<String> =
            line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y))).collect();
        let end = line.points.last().map_or(BOTTOM, |(_, y)| y_at(*y));
        let _ = writeln!(
            body,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            RIGHT + 8.0,
            end + 4.0,
            line.name,
        );
    }
    svg(title, HEIGHT, &body)
}

fn power_of_ten(power: i32) -> String {
    crate::report::number(10f64.powi(power))
}

/// The exponents of the powers of ten around all values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let logs: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
    let low = logs.iter().copied().fold(f64::INFINITY, f64::min).floor();
    let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
    if low.is_finite() && high > low { (low, high) } else { (0.0, 1.0) }
}

fn svg(title: &str, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{INK}\" role=\"img\">\n\
         <title>{title}</title>\n<text x=\"16\" y=\"22\" font-weight=\"600\">{title}</text>\n{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_contains_its_names_and_labels() {
        let bars = bars("Rates", &[("Parlance".to_owned(), 2.0), ("other".to_owned(), 1.0)]);
        assert!(bars.contains("Parlance") && bars.ends_with("</svg>\n"));
        let line = Line { name: "pages".to_owned(), points: vec![(1.0, 1.0), (1e6, 100.0)] };
        let plot = log_log("Pages", "depth", &[line]);
        assert!(plot.contains("1,000,000") && plot.contains("polyline"));
        assert!(!plot.contains("NaN"));
    }
}
