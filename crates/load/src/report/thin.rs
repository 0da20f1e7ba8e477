//! A long run in as many points as a picture can show.

use super::Sample;

/// The most points that a line has.
pub const POINTS_MAX: usize = 600;

/// What must not be lost when many samples become one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The highest: for latencies, the worst of the time.
    Highest,
    /// The lowest and the highest, in the order in which they came.
    Both,
}

/// Points of a line: where on the time axis, and how high.
pub type Points = Vec<(f64, Option<f64>)>;

/// How many samples one point may stand for.
pub fn samples_a_point(samples: usize, keep: Keep) -> usize {
    match (keep, samples) {
        (_, 0..=POINTS_MAX) => 1,
        (Keep::Highest, _) => samples.div_ceil(POINTS_MAX),
        (Keep::Both, _) => samples.div_ceil(POINTS_MAX / 2),
    }
}

/// A line of at most [`POINTS_MAX`] points. Every line of one run and one `keep` has its points at the same times.
pub fn points(samples: &[Sample], keep: Keep, value: impl Fn(&Sample) -> Option<f64>) -> Points {
    let value = |sample: &Sample| value(sample).filter(|value| value.is_finite());
    let width = samples_a_point(samples.len(), keep);
    if width == 1 {
        return samples.iter().map(|sample| (sample.at_s, value(sample))).collect();
    }
    samples.chunks(width).flat_map(|chunk| chunk_points(chunk, keep, &value)).collect()
}

fn chunk_points(chunk: &[Sample], keep: Keep, value: &impl Fn(&Sample) -> Option<f64>) -> Points {
    let known = || chunk.iter().enumerate().filter_map(|(place, sample)| Some((place, value(sample)?)));
    let highest = known().max_by(|a, b| a.1.total_cmp(&b.1));
    let lowest = known().min_by(|a, b| a.1.total_cmp(&b.1));
    let at = |place: usize| chunk.get(place).map_or(0.0, |sample| sample.at_s);
    match keep {
        Keep::Highest => vec![(at(chunk.len() / 2), highest.map(|(_, value)| value))],
        Keep::Both => {
            let (first, second) = if lowest.map(|low| low.0) <= highest.map(|high| high.0) {
                (lowest, highest)
            } else {
                (highest, lowest)
            };
            let second_place = (chunk.len() * 3 / 4).min(chunk.len().saturating_sub(1));
            let mut points = vec![(at(chunk.len() / 4), first.map(|(_, value)| value))];
            if second_place > chunk.len() / 4 {
                points.push((at(second_place), second.map(|(_, value)| value)));
            }
            points
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: usize) -> Vec<Sample> {
        let second = |at| Sample { at_s: at as f64, p99_us: Some(1_000), acknowledged: 500.0, ..Sample::default() };
        (0..hours * 3_600).map(second).collect()
    }

    #[test]
    fn a_short_run_keeps_every_sample() {
        let samples = &hours(1)[..POINTS_MAX];
        let line = points(samples, Keep::Both, |sample| Some(sample.acknowledged));
        assert_eq!(line.len(), POINTS_MAX);
        assert_eq!(line.first(), Some(&(0.0, Some(500.0))));
    }

    #[test]
    fn a_long_run_keeps_its_extremes() {
        let mut samples = hours(9);
        samples[12_345].p99_us = Some(77_777);
        samples[20_001].acknowledged = 3.0;
        samples[20_002].acknowledged = 9_999.0;
        let worst = points(&samples, Keep::Highest, |sample| sample.p99_us.map(|us| us as f64));
        let rate = points(&samples, Keep::Both, |sample| Some(sample.acknowledged));
        for line in [&worst, &rate] {
            assert!(line.len() <= POINTS_MAX && line.len() > POINTS_MAX / 2 - 2, "{}", line.len());
            assert!(line.is_sorted_by(|a, b| a.0 < b.0));
        }
        assert!(worst.iter().any(|point| point.1 == Some(77_777.0)));
        let place = rate.iter().position(|point| point.1 == Some(3.0)).expect("the lowest is there");
        assert_eq!(rate[place + 1].1, Some(9_999.0));
    }

    #[test]
    fn a_time_without_values_stays_a_gap_and_bad_values_are_none() {
        let mut samples = hours(2);
        for sample in &mut samples[3_000..4_000] {
            sample.p99_us = None;
        }
        samples[10].acknowledged = f64::NAN;
        let worst = points(&samples, Keep::Highest, |sample| sample.p99_us.map(|us| us as f64));
        assert!(worst.iter().filter(|point| point.1.is_none()).count() > 50);
        let rate = points(&samples, Keep::Both, |sample| Some(sample.acknowledged));
        assert!(rate.iter().all(|point| point.1 == Some(500.0)));
        assert_eq!(points(&[], Keep::Both, |_| None), []);
    }
}
