//! Lines over an axis, as SVG: inside a page that has their colours, or as a picture that stands alone.

mod axis;
mod band;
mod draw;
#[cfg(test)]
mod tests;

pub use axis::{Axis, Scale, Unit};
pub use band::Band;
pub use draw::Size;

use super::text::{escaped, script_json};
use axis::Range;
use serde::Serialize;

/// The rules for what is drawn; the colours come from whoever shows it.
pub const STYLE: &str = include_str!("style.css");
const LIGHT: &str = "--paper:#ffffff;--ink:#1c1f23;--muted:#5b636d;--rule:#e4e5e2;\
    --line-1:#1767b3;--line-2:#c4530a;--line-3:#00806a;--line-4:#8b4aa3;--line-5:#806600;--line-6:#5b636d";
const DARK: &str = "--paper:#16191d;--ink:#e9eaec;--muted:#9aa4af;--rule:#2d3238;\
    --line-1:#6db5ff;--line-2:#ff9f55;--line-3:#3ed1ab;--line-4:#d3a1ee;--line-5:#e5c94b;--line-6:#a7b1bb";

/// The colours, as CSS declarations for a light and a dark surface.
pub const COLOURS: (&str, &str) = (LIGHT, DARK);

/// Lines over an axis.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// Along the bottom.
    pub x: Axis,
    /// Up the side.
    pub y: Axis,
    /// The lines, told apart by colour and by dashes.
    pub series: Vec<Series>,
    /// What happened meanwhile.
    pub bands: Vec<Band>,
    /// Whether each point has a mark and its number beside it; for a few points.
    pub is_numbered: bool,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Series {
    /// For the legend.
    pub name: String,
    /// From left to right; `None` leaves a gap.
    pub points: Vec<(f64, Option<f64>)>,
}

/// What a readout needs: the same for every size of the picture.
#[derive(Serialize)]
struct Readout {
    /// From 0, the left end of the axis, to 1.
    at: Vec<f64>,
    labels: Vec<String>,
    series: Vec<ReadoutSeries>,
}

#[derive(Serialize)]
struct ReadoutSeries {
    name: String,
    values: Vec<Option<String>>,
}

impl Plot {
    /// For a page that has [`STYLE`] and [`COLOURS`]; `id` is unique in the page.
    pub fn inline_svg(&self, size: Size, id: &str) -> String {
        let id = escaped(id);
        let names = format!("role=\"img\" aria-labelledby=\"{id}-title {id}-desc\"");
        format!("<svg {} {names}>{}</svg>\n", draw::frame(self, size), self.inside(size, &id))
    }

    /// A file of its own, in the colours that its reader prefers.
    pub fn standalone_svg(&self, size: Size) -> String {
        let Size { width, height } = size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" {} width=\"{width}\" height=\"{height}\" role=\"img\" \
             aria-labelledby=\"plot-title plot-desc\">\n<style>svg{{{LIGHT}}}\
             @media (prefers-color-scheme:dark){{svg{{{DARK}}}}}\n{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n{}</svg>\n",
            draw::frame(self, size),
            self.inside(size, "plot"),
        )
    }

    /// JSON for a script that shows the numbers under a pointer, safe inside `<script>`.
    pub fn readout_json(&self) -> String {
        let places: Vec<f64> =
            self.series.first().map_or_else(Vec::new, |series| series.points.iter().map(|point| point.0).collect());
        let range = self.x_range();
        let place = |x: &f64| range.and_then(|range| range.place(*x)).unwrap_or(0.0);
        let values = |series: &Series| {
            let value = |point: &(f64, Option<f64>)| known(point.1).map(|value| self.y.value_label(value));
            series.points.iter().map(value).collect()
        };
        let readout = Readout {
            at: places.iter().map(|x| (place(x) * 1e4).round() / 1e4).collect(),
            labels: places.iter().map(|x| self.readout_label(*x)).collect(),
            series: self
                .series
                .iter()
                .map(|series| ReadoutSeries { name: series.name.clone(), values: values(series) })
                .collect(),
        };
        script_json(&serde_json::to_string(&readout).unwrap_or_default())
    }

    /// When it is, and what happened then.
    fn readout_label(&self, x: f64) -> String {
        let bands = self.bands.iter().filter(|band| band.covers(x)).map(|band| band.name.clone());
        std::iter::once(self.x.value_label(x)).chain(bands).collect::<Vec<_>>().join(", ")
    }

    fn x_range(&self) -> Option<Range> {
        self.x.tight(self.series.iter().flat_map(|series| series.points.iter().map(|point| point.0)))
    }

    fn y_range(&self) -> Option<Range> {
        self.y.rounded(self.values())
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| series.points.iter().filter_map(|point| known(point.1)))
    }

    fn inside(&self, size: Size, id: &str) -> String {
        format!(
            "<title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>\n{}",
            escaped(&self.title),
            escaped(&self.description()),
            draw::body(self, size),
        )
    }

    /// The picture for somebody who cannot see it.
    fn description(&self) -> String {
        let lines: Vec<String> = self.series.iter().map(|series| self.describe(series)).collect();
        let bands = self.bands.iter().map(|band| format!(" Marked: {}, {} times.", band.name, band.spans.len()));
        format!("{} over {}. {}{}", self.y.label, self.x.label, lines.join(" "), bands.collect::<String>())
    }

    fn describe(&self, series: &Series) -> String {
        let values: Vec<f64> = series.points.iter().filter_map(|point| known(point.1)).collect();
        let label = |value: f64| self.y.value_label(value);
        let (lowest, highest) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max));
        match (lowest, highest, values.first(), values.last()) {
            (Some(lowest), Some(highest), Some(first), Some(last)) => format!(
                "{}: first {}, last {}, lowest {}, highest {}.",
                series.name,
                label(*first),
                label(*last),
                label(lowest),
                label(highest)
            ),
            _ => format!("{}: no values.", series.name),
        }
    }
}

fn known(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
