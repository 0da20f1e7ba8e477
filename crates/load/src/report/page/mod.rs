//! A run as one page that fetches nothing: for a browser, for paper, and for whoever gets it by mail.

mod lines;
mod tables;
#[cfg(test)]
mod tests;

use super::number::{Shown, date, shown, time_us};
use super::plot::{COLOURS, STYLE as PLOT_STYLE};
use super::text::escaped;
use super::verdict::{Outcome, Verdict, verdict};
use super::{Figure, Report};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("readout.js");
/// The page runs its own script and has its own style, and may fetch nothing at all.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// The whole page.
pub fn page(report: &Report) -> String {
    let verdict = verdict(report);
    let scenario = escaped(&report.scenario);
    let (light, dark) = COLOURS;
    let parts = [
        header(report),
        banner(&verdict),
        cards(&report.figures),
        lines::section(report),
        tables::latencies(&report.latencies),
        tables::thresholds(&report.thresholds),
        report.comparison.as_ref().map_or(String::new(), tables::comparison),
        tables::checks(&report.checks),
        tables::again(report),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{headline}: madang load {scenario}</title>\n\
         <style>\n:root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{STYLE}{PLOT_STYLE}</style>\n\
         </head>\n<body>\n<main>\n{body}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        headline = escaped(&verdict.headline),
        body = parts.concat(),
    )
}

fn header(report: &Report) -> String {
    let facts = [
        ("Node", escaped(&report.url)),
        ("Began", escaped(&date(&report.started_at))),
        ("Took", time_us(report.took_s * 1e6).to_string()),
    ];
    let facts: String = facts.iter().map(|(name, fact)| format!("<div><dt>{name}</dt><dd>{fact}</dd></div>")).collect();
    format!(
        "<header>\n<p class=\"eyebrow\">madang load</p>\n<h1>{}</h1>\n<dl class=\"facts\">{facts}</dl>\n</header>\n",
        escaped(&report.scenario)
    )
}

fn banner(verdict: &Verdict) -> String {
    let (class, mark) = match verdict.outcome {
        Outcome::Held => ("held", "M5 12.5l4.5 4.5L19 7.5"),
        Outcome::Unfinished => ("unfinished", "M9 6v12M15 6v12"),
        Outcome::Broken => ("broken", "M6.5 6.5l11 11M17.5 6.5l-11 11"),
    };
    format!(
        "<section class=\"verdict {class}\" aria-label=\"Verdict\"><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{mark}\"/></svg>\
         <div><h2>{}</h2><p>{}</p></div></section>\n",
        escaped(&verdict.headline),
        escaped(&sentence(&verdict.detail))
    )
}

fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", rest.as_str().trim_end_matches('.'))
}

fn cards(figures: &[Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let card = |figure: &Figure| {
        let Shown { number, unit } = shown(figure.value, figure.unit);
        let name = escaped(&figure.name);
        let class = if figure.name.starts_with("errors") && figure.value > 0.0 { " class=\"bad\"" } else { "" };
        format!("<div{class}><dt>{name}</dt><dd>{number}<small>{unit}</small></dd></div>\n")
    };
    let cards: String = figures.iter().map(card).collect();
    format!(
        "<section aria-labelledby=\"figures\"><h2 id=\"figures\">Figures</h2>\n<dl class=\"cards\">\n{cards}</dl></section>\n"
    )
}
