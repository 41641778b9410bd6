//! Lines in panels side by side, as SVG.

use std::error::Error;
use std::path::PathBuf;

use plotters::prelude::*;

#[derive(Clone, Copy)]
pub enum Scale {
    Linear,
    Log,
}

pub struct Panel {
    pub title: &'static str,
    pub x: (&'static str, Scale),
    pub y: (&'static str, Scale),
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// Okabe and Ito's, which colour-blind people can tell apart.
const COLOURS: [RGBColor; 6] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Draws panels side by side into a file, if there is one to draw them into.
pub fn draw(path: Option<PathBuf>, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    let Some(path) = path else { return Ok(()) };
    let root = SVGBackend::new(&path, (460 * panels.len() as u32, 340)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        let all = || panel.lines.iter().flat_map(|(_, points)| points);
        let x = bounds(all().map(|point| point.0), panel.x.1);
        let y = bounds(all().map(|point| point.1), panel.y.1);
        let mut chart = ChartBuilder::on(area)
            .caption(panel.title, ("sans-serif", 15))
            .margin(10)
            .x_label_area_size(38)
            .y_label_area_size(58)
            .build_cartesian_2d(x.0..x.1 + 0.02 * (x.1 - x.0), y.0..room(y))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.1))
            .x_desc(panel.x.0)
            .y_desc(panel.y.0)
            .x_labels(labels(x, panel.x.1))
            .y_labels(labels(y, panel.y.1))
            .x_label_formatter(&|v| label(*v, panel.x.1))
            .y_label_formatter(&|v| label(*v, panel.y.1))
            .draw()?;
        for ((name, points), colour) in panel.lines.iter().zip(COLOURS) {
            let points = points.iter().map(|&(a, b)| (place(a, panel.x.1), place(b, panel.y.1)));
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 12))
            .draw()?;
    }
    root.present()?;
    Ok(())
}

fn place(value: f64, scale: Scale) -> f64 {
    match scale {
        Scale::Linear => value,
        Scale::Log => value.max(1e-4).log10(),
    }
}

fn label(value: f64, scale: Scale) -> String {
    let value = match scale {
        Scale::Linear => value,
        Scale::Log => 10f64.powf(value),
    };
    let rounded = (value * 1000.0).round() / 1000.0;
    rounded.to_string()
}

/// Decades where the scale is logarithmic; else from 0.
fn bounds(values: impl Iterator<Item = f64>, scale: Scale) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| {
        let v = place(v, scale);
        (low.min(v), high.max(v))
    });
    match scale {
        Scale::Linear => (0.0, high),
        Scale::Log => (low.floor(), high.ceil().max(low.floor() + 1.0)),
    }
}

/// Above the lines, for the legend.
fn room((low, high): (f64, f64)) -> f64 {
    high + 0.5 * (high - low)
}

fn labels((low, high): (f64, f64), scale: Scale) -> usize {
    match scale {
        Scale::Linear => 6,
        Scale::Log => (high - low) as usize + 1,
    }
}
