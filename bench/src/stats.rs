//! Statistics: percentiles of latencies, median and range over rounds, slopes over decades.

use std::time::Duration;

/// Buckets per doubling: a percentile is accurate to 1 %.
const STEPS: u64 = 128;

/// Latencies, counted in buckets whose width grows with the value.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let bucket = bucket(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// The number of latencies.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The latency, in milliseconds, that the share `quantile` of all does not exceed; 0 when there are none.
    pub fn millis(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(bucket) / 1e6;
            }
        }
        0.0
    }
}

fn bucket(nanos: u64) -> usize {
    let doublings = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEPS.trailing_zeros() + 1);
    (u64::from(doublings) * STEPS + (nanos >> doublings)) as usize
}

/// The value in the middle of a bucket, in nanoseconds.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    let doublings = (bucket / STEPS).saturating_sub(1);
    ((bucket - doublings * STEPS) as f64 + 0.5) * 2f64.powi(doublings as i32)
}

/// A figure over the rounds: its median and range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Spread {
    /// The spread of one figure per round. Values that are not finite are left out.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (Some(&low), Some(&high)) = (values.first(), values.last()) else { return Self::default() };
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        Self { median, low, high }
    }

    /// The spread of the ratios, round by round.
    pub fn ratio(ours: &[f64], reference: &[f64]) -> Self {
        Self::of(ratios(ours, reference))
    }
}

/// Ours ÷ the reference's, round by round: what disturbs the machine in a round disturbs both.
pub fn ratios(ours: &[f64], reference: &[f64]) -> Vec<f64> {
    ours.iter().zip(reference).map(|(ours, reference)| ours / reference).collect()
}

/// The slope of a line through the logarithms of the points: 0 when y does not grow with x, 1 when it grows like x.
pub fn log_log_slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (sum_x, sum_y) = logs.iter().fold((0.0, 0.0), |(x, y), log| (x + log.0, y + log.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let spread: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let together: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    together / spread
}

/// Welch's t: how far the means of two samples are apart, in standard errors.
pub fn welch_t(one: &[f64], other: &[f64]) -> f64 {
    let mean = |sample: &[f64]| sample.iter().sum::<f64>() / sample.len() as f64;
    let error = |sample: &[f64], mean: f64| {
        let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (sample.len() - 1) as f64 / sample.len() as f64
    };
    let (first, second) = (mean(one), mean(other));
    (first - second) / (error(one, first) + error(other, second)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_accurate_to_one_percent() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (quantile, millis) in [(0.5, 5.0), (0.99, 9.9), (0.999, 9.99), (1.0, 10.0)] {
            let found = histogram.millis(quantile);
            assert!((found / millis - 1.0).abs() < 0.01, "{quantile}: {found}");
        }
        assert_eq!(Histogram::default().millis(0.5), 0.0);
    }

    #[test]
    fn every_value_is_near_the_middle_of_its_bucket() {
        for nanos in [0, 1, 127, 128, 255, 256, 257, 1_000, 123_456_789, 1 << 40] {
            let middle = middle(bucket(nanos));
            assert!((middle - nanos as f64).abs() <= 0.5 + nanos as f64 / 128.0, "{nanos}: {middle}");
        }
    }

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, low: 1.0, high: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0]), Spread { median: 2.5, low: 1.0, high: 4.0 });
        assert_eq!(Spread::ratio(&[2.0, 6.0], &[1.0, 2.0]).median, 2.5);
    }

    #[test]
    fn samples_of_different_means_are_told_apart() {
        let sample = |shift: f64| (0..100).map(|n| f64::from(n % 10) + shift).collect::<Vec<_>>();
        assert!(welch_t(&sample(0.0), &sample(0.0)).abs() < 1e-9);
        assert!(welch_t(&sample(0.0), &sample(5.0)) < -10.0);
    }

    #[test]
    fn a_slope_shows_growth() {
        let linear = [(1e5, 2.0), (1e6, 20.0), (1e7, 200.0)];
        assert!((log_log_slope(&linear) - 1.0).abs() < 1e-9);
        assert!(log_log_slope(&[(1e5, 3.0), (1e6, 3.0), (1e7, 3.0)]).abs() < 1e-9);
    }
}
