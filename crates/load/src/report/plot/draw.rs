//! Where everything stands in the picture.

use super::axis::{Range, Unit};
use super::{Band, Plot, Series, known};
use crate::report::number::quantity;
use crate::report::text::escaped;

/// How large the picture is drawn; it can be shown at any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// In pixels of its own text.
    pub width: u32,
    /// See above.
    pub height: u32,
}

impl Size {
    /// As wide as a page.
    pub const PAGE: Self = Self { width: 1_110, height: 360 };
    /// For a document, whose column is not as wide.
    pub const WIDE: Self = Self { width: 860, height: 330 };
    /// Half a page.
    pub const HALF: Self = Self { width: 550, height: 300 };
    /// For a phone.
    pub const NARROW: Self = Self { width: 350, height: 290 };
}

/// About how wide a character of the text is.
const CHARACTER: f64 = 6.9;
const MARGIN: f64 = 16.0;
const TITLE_LINE: f64 = 26.0;
const LEGEND_LINE: f64 = 21.0;
const SWATCH: f64 = 26.0;
const STYLES: usize = 6;
const MARK: f64 = 4.5;
const BAND_STYLES: usize = 2;
/// A band that is narrower would not be seen.
const BAND_MIN: f64 = 2.0;

/// The part of the picture in which lines are.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn x(&self, place: f64) -> f64 {
        self.left + place * self.width
    }

    fn y(&self, place: f64) -> f64 {
        self.top + (1.0 - place) * self.height
    }
}

/// The attributes of the picture: its size, and where the lines are for a script that follows the pointer.
pub(super) fn frame(plot: &Plot, Size { width, height }: Size) -> String {
    let area = area(plot, Size { width, height });
    format!(
        "viewBox=\"0 0 {width} {height}\" data-area=\"{:.1} {:.1} {:.1} {:.1}\"",
        area.left, area.top, area.width, area.height
    )
}

/// Everything that is seen.
pub(super) fn body(plot: &Plot, size: Size) -> String {
    let area = area(plot, size);
    let mut svg = format!(
        "<g class=\"plot-text\"><text class=\"title\" x=\"{MARGIN}\" y=\"27\">{}</text>\n",
        escaped(&plot.title)
    );
    for (entry, (x, y)) in legend(plot).iter().zip(legend_places(plot, size)) {
        svg.push_str(&legend_entry(plot, entry, x, y));
    }
    match (plot.x_range(), plot.y_range()) {
        (Some(x), Some(y)) => {
            svg.push_str(&axes(plot, size, area, x, y));
            svg.push_str("</g>\n");
            for (place, band) in plot.bands.iter().enumerate() {
                svg.push_str(&marked(band, place, area, x));
            }
            for (place, series) in plot.series.iter().enumerate() {
                svg.push_str(&line(plot, series, place, area, x, y));
            }
            if plot.is_numbered {
                svg.push_str(&numbers(plot, area, x, y));
            }
        }
        _ => svg.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">nothing was measured</text></g>\n",
            f64::from(size.width) / 2.0,
            area.y(0.5)
        )),
    }
    svg
}

fn area(plot: &Plot, size: Size) -> Area {
    let ticks = plot.y_range().map_or_else(Vec::new, |range| {
        plot.y.ticks(range, y_ticks(size)).into_iter().map(|tick| plot.y.tick_label(tick, range)).collect()
    });
    let longest = ticks.iter().map(|tick| tick.chars().count()).max().unwrap_or(1) as f64;
    let left = MARGIN + longest * CHARACTER + 8.0;
    let legend_end = legend_places(plot, size).last().map_or(TITLE_LINE, |place| place.1);
    let top = legend_end + LEGEND_LINE + 22.0;
    let right = if plot.is_numbered { 34.0 } else { 26.0 };
    Area { left, top, width: f64::from(size.width) - left - right, height: f64::from(size.height) - top - 50.0 }
}

fn y_ticks(size: Size) -> f64 {
    f64::from(size.height) / 55.0
}

/// A name of the legend, and which of its kind it names.
enum Entry<'a> {
    Line(usize, &'a str),
    Band(usize, &'a str),
}

/// One line alone needs no name; what is marked always does.
fn legend(plot: &Plot) -> Vec<Entry<'_>> {
    let lines = plot.series.iter().enumerate().filter(|_| plot.series.len() > 1);
    let lines = lines.map(|(place, series)| Entry::Line(place, series.name.as_str()));
    let bands = plot.bands.iter().enumerate().map(|(place, band)| Entry::Band(place, band.name.as_str()));
    lines.chain(bands).collect()
}

/// Where each name of the legend stands; a row that is full goes on below.
fn legend_places(plot: &Plot, size: Size) -> Vec<(f64, f64)> {
    let (mut x, mut y) = (MARGIN, TITLE_LINE + LEGEND_LINE + 2.0);
    let mut places = Vec::new();
    for entry in legend(plot) {
        let (Entry::Line(_, name) | Entry::Band(_, name)) = entry;
        let width = SWATCH + 8.0 + name.chars().count() as f64 * CHARACTER + 20.0;
        if x > MARGIN && x + width > f64::from(size.width) {
            (x, y) = (MARGIN, y + LEGEND_LINE);
        }
        places.push((x, y));
        x += width;
    }
    places
}

fn legend_entry(plot: &Plot, entry: &Entry<'_>, x: f64, y: f64) -> String {
    let middle = y - 4.5;
    let (swatch, name) = match *entry {
        Entry::Line(place, name) => {
            let mark = if plot.is_numbered { mark(place, x + SWATCH / 2.0, middle) } else { String::new() };
            (format!("<path class=\"line line-{}\" d=\"M{x:.1} {middle:.1}h{SWATCH}\"/>{mark}", style(place)), name)
        }
        Entry::Band(place, name) => {
            let class = format!("class=\"band band-{}\"", band_style(place));
            (format!("<path {class} d=\"M{x:.1} {:.1}h{SWATCH}v12h-{SWATCH}z\"/>", y - 11.0), name)
        }
    };
    format!("{swatch}<text class=\"name\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>\n", x + SWATCH + 8.0, escaped(name))
}

/// The stretches in which something happened, as high as the lines may go.
fn marked(band: &Band, place: usize, area: Area, x: Range) -> String {
    let stretch = |(from, to): (f64, f64)| {
        let (left, width) = (area.x(from), (area.x(to) - area.x(from)).max(BAND_MIN));
        format!("M{left:.1} {:.1}h{width:.1}v{:.1}h-{width:.1}z", area.top, area.height)
    };
    let path: String = band.stretches(x).into_iter().map(stretch).collect();
    format!("<path class=\"band band-{}\" d=\"{path}\"/>\n", band_style(place))
}

fn band_style(place: usize) -> usize {
    place % BAND_STYLES + 1
}

fn axes(plot: &Plot, size: Size, area: Area, x: Range, y: Range) -> String {
    let mut svg = String::new();
    for tick in plot.y.ticks(y, y_ticks(size)) {
        let Some(at) = y.place(tick).map(|place| area.y(place)) else { continue };
        let label = escaped(&plot.y.tick_label(tick, y));
        svg.push_str(&format!(
            "<path class=\"grid\" d=\"M{:.1} {at:.1}h{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
            area.left,
            area.width,
            area.left - 8.0,
            at + 4.5
        ));
    }
    let bottom = area.y(0.0);
    svg.push_str(&format!("<path class=\"base\" d=\"M{:.1} {bottom:.1}h{:.1}\"/>\n", area.left, area.width));
    for tick in plot.x.ticks(x, area.width / 75.0) {
        let Some(at) = x.place(tick).map(|place| area.x(place)) else { continue };
        let label = escaped(&plot.x.tick_label(tick, x));
        svg.push_str(&format!(
            "<path class=\"base\" d=\"M{at:.1} {bottom:.1}v5\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n",
            bottom + 20.0
        ));
    }
    svg.push_str(&format!(
        "<text x=\"{MARGIN}\" y=\"{:.1}\">{}</text><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
        area.top - 14.0,
        escaped(&axis_label(&plot.y)),
        area.left + area.width,
        bottom + 39.0,
        escaped(&axis_label(&plot.x)),
    ));
    svg
}

fn axis_label(axis: &super::Axis) -> String {
    let scale = if axis.scale == super::Scale::Log { ", log scale" } else { "" };
    match axis.unit {
        Unit::Number(unit) if !unit.is_empty() => format!("{}, {unit}{scale}", axis.label),
        _ => format!("{}{scale}", axis.label),
    }
}

/// The line with its gaps; a point alone, or every point of a numbered plot, is a mark.
fn line(plot: &Plot, series: &Series, place: usize, area: Area, x: Range, y: Range) -> String {
    let (mut path, mut marks) = (String::new(), String::new());
    let points = series.points.iter().map(|point| at(*point, area, x, y));
    let points: Vec<Option<(f64, f64)>> = points.collect();
    for run in points.split(Option::is_none) {
        for (number, (x, y)) in run.iter().flatten().enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{command}{x:.1} {y:.1}"));
            if plot.is_numbered || run.len() == 1 {
                marks.push_str(&mark(place, *x, *y));
            }
        }
    }
    format!("<path class=\"line line-{}\" d=\"{path}\"/>{marks}\n", style(place))
}

fn at(point: (f64, Option<f64>), area: Area, x: Range, y: Range) -> Option<(f64, f64)> {
    let (across, up) = (x.place(point.0)?, y.place(known(point.1)?)?);
    (point.0.is_finite()).then(|| (area.x(across), area.y(up)))
}

/// Each line's marks have their own shape.
fn mark(place: usize, x: f64, y: f64) -> String {
    let class = format!("class=\"mark mark-{}\"", style(place));
    match place % 3 {
        0 => format!("<circle {class} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{MARK}\"/>"),
        1 => format!("<path {class} d=\"M{:.1} {:.1}h8.4v8.4h-8.4z\"/>", x - 4.2, y - 4.2),
        _ => format!("<path {class} d=\"M{x:.1} {:.1}l5.6 5.6l-5.6 5.6l-5.6 -5.6z\"/>", y - 5.6),
    }
}

/// Over each place the highest point's number above it and the lowest's below; between them there is no room.
fn numbers(plot: &Plot, area: Area, x: Range, y: Range) -> String {
    let mut svg = String::from("<g class=\"plot-text\">");
    let all = plot.series.iter().flat_map(|series| &series.points);
    let mut points: Vec<(f64, f64, f64)> = all
        .filter_map(|point| {
            let (left, top) = at(*point, area, x, y)?;
            Some((left, top, known(point.1)?))
        })
        .collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    for at_once in points.chunk_by(|one, other| (one.0 - other.0).abs() < 1.0) {
        let (highest, lowest) = (at_once.first(), at_once.last().filter(|_| at_once.len() > 1));
        let above = highest.map(|(left, top, value)| (left, top - 10.0, value));
        let below = lowest.map(|(left, top, value)| (left, top + 20.0, value)).filter(|(_, top, _)| *top < area.y(0.0));
        for (left, top, value) in above.into_iter().chain(below) {
            let label = match plot.y.unit {
                Unit::Number(_) | Unit::Count => quantity(*value),
                _ => plot.y.value_label(*value),
            };
            svg.push_str(&format!(
                "<text class=\"number\" x=\"{left:.1}\" y=\"{top:.1}\" text-anchor=\"middle\">{}</text>\n",
                escaped(&label)
            ));
        }
    }
    svg.push_str("</g>\n");
    svg
}

fn style(place: usize) -> usize {
    place % STYLES + 1
}
