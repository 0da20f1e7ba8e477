//! A run beside an earlier one.

/// What both have measured, and what else differs between them.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Where the earlier one was read from.
    pub file: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// What can be compared.
    pub rows: Vec<Row>,
    /// What may be why they differ, each a line for a person.
    pub differences: Vec<String>,
}

/// One number of both.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The figure's name, or the time's with its percentile.
    pub name: String,
    /// What it was; `None` where it was not measured.
    pub then: Option<f64>,
    /// What it is.
    pub now: Option<f64>,
    /// Of both.
    pub unit: &'static str,
}

impl Row {
    /// Today's number as a multiple of the earlier one.
    pub fn ratio(&self) -> Option<f64> {
        let (then, now) = (self.then?, self.now?);
        let ratio = now / then;
        (then != 0.0 && ratio.is_finite()).then_some(ratio)
    }
}
