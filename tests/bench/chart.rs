//! Cost against number of selectors, as a drawing.

use std::fmt::Write as _;

use anyhow::Result;

use crate::cases::Bench;
use crate::orders::Selectors;
use crate::report::{median, number};
use crate::trace::Trace;
use crate::{ordinary, progress};

const COUNTS: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// The comparison takes gigabytes and a stalled processor above this.
const MOST_ORDINARY: usize = 1_000_000;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 60.0;

/// A curve.
struct Series {
    name: &'static str,
    colour: &'static str,
    points: Vec<(f64, f64)>,
}

/// Measures and draws.
pub(crate) fn draw(bench: &mut Bench) -> Result<String> {
    let pairs = if bench.quick { 1 << 17 } else { 1 << 20 };
    let random = Trace::v4(&bench.internet, pairs);
    let zipf = Trace::zipf(&bench.internet, pairs);
    let mut all = [
        Series { name: "kernel LPM tries", colour: "#b3261e", points: Vec::new() },
        Series { name: "sensor, random", colour: "#0b57d0", points: Vec::new() },
        Series { name: "sensor, Zipf", colour: "#146c2e", points: Vec::new() },
    ];
    let packets = u32::try_from(pairs)?;
    for count in COUNTS {
        if bench.quick && count > 1_000_000 {
            continue;
        }
        progress(&format!("drawing: {count} selectors"));
        #[expect(clippy::cast_precision_loss, reason = "ten million at most")]
        let x = count as f64;
        if count <= MOST_ORDINARY {
            let runs = ordinary::cost(&bench.internet, &random, packets, count, false)?;
            all[0].points.push((x, median(&runs)));
        }
        all[1].points.push((x, median(&bench.cost(Selectors::V4(count), &random)?)));
        all[2].points.push((x, median(&bench.cost(Selectors::V4(count), &zipf)?)));
    }
    Ok(svg(&all))
}

fn x_of(count: f64) -> f64 {
    LEFT + (count.log10() - 3.0) / 4.0 * (WIDTH - LEFT - RIGHT)
}

/// From 1 ns at the bottom to 10,000 ns at the top.
fn y_of(cost: f64) -> f64 {
    HEIGHT - BOTTOM - cost.max(1.0).log10() / 4.0 * (HEIGHT - TOP - BOTTOM)
}

fn svg(all: &[Series]) -> String {
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Cost of an unmatched packet against the number of selectors</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for exponent in 0..=4 {
        let cost = 10_f64.powi(exponent);
        let (y, right) = (y_of(cost), WIDTH - RIGHT);
        line(format!("<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>"));
        line(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{cost}</text>",
            LEFT - 8.0,
            y + 4.0
        ));
    }
    for (count, label) in (3..=7).map(|n| 10_f64.powi(n)).zip(["1k", "10k", "100k", "1M", "10M"]) {
        let (x, bottom) = (x_of(count), HEIGHT - BOTTOM);
        line(format!("<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#eee\"/>"));
        line(format!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            bottom + 18.0
        ));
    }
    line(format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">selector addresses</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 16.0
    ));
    line(format!(
        "<text transform=\"translate(18 {:.1}) rotate(-90)\" text-anchor=\"middle\">\
         ns per unmatched IPv4 packet</text>",
        f64::midpoint(TOP, HEIGHT - BOTTOM)
    ));
    for series in all {
        let Some((last_count, last_cost)) = series.points.last() else { continue };
        let mut path = String::new();
        for (number_of_point, (count, cost)) in series.points.iter().enumerate() {
            let command = if number_of_point == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", x_of(*count), y_of(*cost));
        }
        let colour = series.colour;
        line(format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"));
        for (count, cost) in &series.points {
            line(format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\">\
                 <title>{count} selectors: {} ns</title></circle>",
                x_of(*count),
                y_of(*cost),
                number(*cost)
            ));
        }
        line(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}: {} ns</text>",
            x_of(*last_count) + 8.0,
            y_of(*last_cost) + 4.0,
            series.name,
            number(*last_cost)
        ));
    }
    text.push_str("</svg>\n");
    text
}
