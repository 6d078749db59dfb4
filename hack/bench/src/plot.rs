//! Curves as SVG, both axes logarithmic, the spread of the rounds as bars.
//! It knows no brokers.

use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

use crate::statistics::Summary;

/// A named curve.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, Summary)>,
}

const SIZE: (u32, u32) = (720, 420);
const COLOURS: [RGBColor; 2] = [RGBColor(0, 90, 160), RGBColor(200, 90, 0)];

/// Draws curves into a file.
///
/// # Errors
/// Where the file cannot be written, or nothing was measured.
pub(crate) fn draw(
    path: &Path,
    x_label: &str,
    y_label: &str,
    curves: &[Curve],
) -> Result<(), String> {
    let failed = |error: &dyn Display| format!("{}: {error}", path.display());
    let x = range(curves, |x, _| [x, x]).ok_or_else(|| failed(&"nothing was measured"))?;
    let y = range(curves, |_, y| [y.min, y.max]).ok_or_else(|| failed(&"nothing was measured"))?;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|e| failed(&e))?;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(x.log_scale(), y.log_scale())
        .map_err(|e| failed(&e))?;
    chart
        .configure_mesh()
        .x_desc(x_label)
        .y_desc(y_label)
        .draw()
        .map_err(|e| failed(&e))?;
    let measured = curves.iter().zip(COLOURS);
    for (curve, colour) in measured.filter(|(curve, _)| !curve.points.is_empty()) {
        let medians = curve.points.iter().map(|(x, y)| (*x, y.median));
        chart
            .draw_series(LineSeries::new(medians, colour.stroke_width(2)).point_size(3))
            .map_err(|e| failed(&e))?
            .label(curve.name)
            .legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2))
            });
        let bars = curve
            .points
            .iter()
            .map(|(x, y)| PathElement::new(vec![(*x, y.min), (*x, y.max)], colour.stroke_width(1)));
        chart.draw_series(bars).map_err(|e| failed(&e))?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
        .map_err(|e| failed(&e))?;
    area.present().map_err(|e| failed(&e))
}

/// What the values cover, with some room around it.
fn range(curves: &[Curve], values: impl Fn(f64, Summary) -> [f64; 2]) -> Option<Range<f64>> {
    let all = curves.iter().flat_map(|curve| &curve.points);
    let positive = all
        .flat_map(|(x, y)| values(*x, *y))
        .filter(|value| *value > 0.0);
    let (min, max) = positive.fold((f64::MAX, 0.0_f64), |(min, max), value| {
        (min.min(value), max.max(value))
    });
    (max > 0.0).then_some(min * 0.8..max * 1.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_drawn_with_their_names_and_without_any_nothing_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("curve.svg");
        let summary = |median: f64| Summary {
            median,
            min: median / 2.0,
            max: median * 2.0,
        };
        let curve = Curve {
            name: "ours",
            points: vec![(1.0, summary(10.0)), (1000.0, summary(90.0))],
        };
        draw(&path, "partitions", "MB/s", &[curve]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for part in ["<svg", "partitions", "MB/s", "ours", "polyline"] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        let error = draw(&path, "x", "y", &[]).unwrap_err();
        assert!(error.contains("nothing was measured"), "{error}");
    }
}
