//! Times at which something happened, behind the lines: for whoever asks why a line rises there.

use super::axis::Range;

/// Bands of one plot have at most about so many stretches; what is nearer becomes one.
const STRETCHES_MAX: f64 = 200.0;

/// Something that happened, and when.
#[derive(Clone, Debug)]
pub struct Band {
    /// For the legend.
    pub name: String,
    /// From when to when, in the order of time.
    pub spans: Vec<(f64, f64)>,
}

impl Band {
    /// Whether it was going on.
    pub(super) fn covers(&self, x: f64) -> bool {
        self.spans.iter().any(|(from, to)| *from < x && x <= *to)
    }

    /// Its stretches along the axis, each from 0 to 1: those between which there is no room are one.
    pub(super) fn stretches(&self, range: Range) -> Vec<(f64, f64)> {
        let mut stretches: Vec<(f64, f64)> = Vec::new();
        for (from, to) in &self.spans {
            let (Some(from), Some(to)) = (range.place(*from), range.place(*to)) else { continue };
            let (from, to) = (from.clamp(0.0, 1.0), to.clamp(0.0, 1.0));
            match stretches.last_mut() {
                Some(last) if from - last.1 < 1.0 / STRETCHES_MAX => last.1 = to.max(last.1),
                _ => stretches.push((from, to)),
            }
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::Scale;

    #[test]
    fn stretches_that_nobody_could_tell_apart_are_one() {
        let range = Range { from: 0.0, to: 1_000.0, scale: Scale::Linear };
        let band = |spans: &[(f64, f64)]| Band { name: "cut".into(), spans: spans.to_vec() };
        let stretches = band(&[(100.0, 101.0), (102.0, 103.0), (500.0, 501.0), (f64::NAN, 3.0)]).stretches(range);
        assert_eq!(stretches, [(0.1, 0.103), (0.5, 0.501)]);
        let every_second: Vec<(f64, f64)> = (0..1_000).map(|at| (f64::from(at), f64::from(at) + 0.5)).collect();
        assert_eq!(band(&every_second).stretches(range), [(0.0, 0.9995)]);
        assert!(band(&[(4.0, 5.0)]).covers(5.0) && !band(&[(4.0, 5.0)]).covers(4.0));
    }
}
