//! Figures of a benchmark as a picture: SVG written by hand, since two panels of bars and lines need no library.

use super::text::{percent, thousands};
use crate::bench::{AdapterReport, Bench};

/// Colours of the adapters, told apart also by those who confuse red and green (Okabe and Ito 2008).
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#555555"];

/// Width of the picture (px).
const WIDTH: f64 = 1_240.0;

/// Left and right edges of the two panels (px).
const BARS: (f64, f64) = (290.0, 620.0);
const LINES: (f64, f64) = (730.0, 1_190.0);

/// Least height of the panels (px).
const HEIGHT: f64 = 380.0;

/// Height of a bar (px).
const BAR: f64 = 9.0;

/// Share of its ceiling that each kernel reaches, and images per second over the batch size, as one SVG.
/// Adapters without figures are left out.
pub fn bench_chart(bench: &Bench) -> String {
    let reports: Vec<&AdapterReport> = bench.adapters.iter().filter(|report| !report.training.is_empty()).collect();
    let top = 60.0 + 18.0 * reports.len() as f64;
    let mut svg = Svg::default();
    svg.text(24.0, 28.0, 16.0, "start", &format!("lenet-gpu {} bench, {}", bench.version, bench.date));
    for (place, report) in reports.iter().enumerate() {
        let y = 46.0 + 18.0 * place as f64;
        svg.rect((24.0, y - 9.0), (10.0, 10.0), colour(place));
        svg.text(40.0, y, 12.0, "start", &format!("{}, {}", report.device.name, report.device.backend));
    }
    let bottom = kernels(&mut svg, &reports, top + 30.0).max(top + 30.0 + HEIGHT);
    throughputs(&mut svg, &reports, top + 30.0, bottom);
    let height = bottom + 60.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
        svg.0
    )
}

/// A bar per kernel and adapter; returns where the panel ends.
fn kernels(svg: &mut Svg, reports: &[&AdapterReport], top: f64) -> f64 {
    let mut names: Vec<&str> = Vec::new();
    for kernel in reports.iter().flat_map(|report| &report.kernels) {
        if !names.contains(&kernel.kernel.as_str()) {
            names.push(&kernel.kernel);
        }
    }
    let row = (BAR * reports.len() as f64 + 6.0).max(16.0);
    let bottom = top + row * names.len() as f64;
    let x = |share: f64| BARS.0 + (BARS.1 - BARS.0) * share.clamp(0.0, 1.0);
    svg.text((BARS.0 + BARS.1) / 2.0, top - 12.0, 13.0, "middle", "share of the ceiling that binds a kernel");
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        svg.line((x(share), top), (x(share), bottom), "#ddd", 1.0);
        svg.text(x(share), bottom + 16.0, 11.0, "middle", &percent(share, 0));
    }
    for (index, name) in names.iter().enumerate() {
        let y = top + row * index as f64 + 3.0;
        svg.text(BARS.0 - 8.0, y + (row - 6.0) / 2.0 + 4.0, 11.0, "end", name);
        for (place, report) in reports.iter().enumerate() {
            let Some(kernel) = report.kernels.iter().find(|k| k.kernel == *name) else { continue };
            let Some(share) = kernel.share else { continue };
            let y = y + BAR * place as f64;
            svg.rect((BARS.0, y), (x(share) - BARS.0, BAR - 1.0), colour(place));
            if share > 1.0 {
                svg.text(BARS.1 + 4.0, y + 8.0, 9.0, "start", &percent(share, 0));
            }
        }
    }
    bottom
}

/// Training (solid) and evaluation (dashed) over the batch size, both axes logarithmic.
fn throughputs(svg: &mut Svg, reports: &[&AdapterReport], top: f64, bottom: f64) {
    svg.text(
        (LINES.0 + LINES.1) / 2.0,
        top - 12.0,
        13.0,
        "middle",
        "images per second (solid: training, dashed: evaluation)",
    );
    svg.text((LINES.0 + LINES.1) / 2.0, bottom + 36.0, 12.0, "middle", "batch size");
    let points = || reports.iter().flat_map(|report| report.training.iter().chain(&report.evaluation));
    let Some((low, high)) = extent(points().map(|t| t.samples_per_s.log10())) else { return };
    let Some((first, last)) = extent(points().map(|t| (t.batch as f64).log2())) else { return };
    let (low, high) = (low.floor(), high.ceil().max(low.floor() + 1.0));
    let span = (last - first).max(1.0);
    let x = |batch: usize| LINES.0 + (LINES.1 - LINES.0) * ((batch as f64).log2() - first) / span;
    let y = |rate: f64| bottom - (bottom - top) * (rate.log10() - low) / (high - low);
    for decade in low as i32..=high as i32 {
        let rate = 10f64.powi(decade);
        svg.line((LINES.0, y(rate)), (LINES.1, y(rate)), "#ddd", 1.0);
        svg.text(LINES.0 - 8.0, y(rate) + 4.0, 11.0, "end", &thousands(rate as u64));
    }
    let mut batches: Vec<usize> = points().map(|t| t.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    for batch in batches {
        svg.line((x(batch), top), (x(batch), bottom), "#eee", 1.0);
        svg.text(x(batch), bottom + 16.0, 11.0, "middle", &thousands(batch as u64));
    }
    for (place, report) in reports.iter().enumerate() {
        for (list, dash) in [(&report.training, "none"), (&report.evaluation, "5 4")] {
            let path: Vec<(f64, f64)> = list.iter().map(|t| (x(t.batch), y(t.samples_per_s))).collect();
            svg.path(&path, colour(place), dash);
        }
    }
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |extent, v| {
        let (low, high) = extent.unwrap_or((v, v));
        Some((f64::min(low, v), f64::max(high, v)))
    })
}

fn colour(place: usize) -> &'static str {
    COLOURS[place % COLOURS.len()]
}

/// The elements of a picture.
#[derive(Default)]
struct Svg(String);

impl Svg {
    fn text(&mut self, x: f64, y: f64, size: f64, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.0 +=
            &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{text}</text>\n");
    }

    fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        self.0 += &format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>\n"
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.0 += &format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" \
             stroke-width=\"{width}\"/>\n"
        );
    }

    /// A line through `points`, with a dot at each.
    fn path(&mut self, points: &[(f64, f64)], colour: &str, dash: &str) {
        let list: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.0 += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\n",
            list.join(" ")
        );
        for (x, y) in points {
            self.0 += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::example::report;

    #[test]
    fn numbers_are_finite_and_names_escaped() {
        let failed = AdapterReport { training: Vec::new(), ..report("nothing") };
        let svg = bench_chart(&Bench::new(vec![report("a < b & c"), failed]));
        assert!(svg.contains("a &lt; b &amp; c") && !svg.contains("nothing"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(bench_chart(&Bench::new(Vec::new())).ends_with("</svg>\n"));
    }
}
