//! Bars in panels side by side, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

/// Bars from the top down, the one of ours in another colour.
pub struct Panel {
    pub title: &'static str,
    pub bars: Vec<Bar>,
}

pub struct Bar {
    pub name: &'static str,
    pub value: f64,
    pub text: String,
    pub whose: Whose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Ours,
    Theirs,
}

// Okabe and Ito's, which colour-blind people can tell apart.
const OURS: RGBColor = RGBColor(213, 94, 0);
const THEIRS: RGBColor = RGBColor(0, 114, 178);

const WIDTH: u32 = 430;
const LINE: i32 = 24;
const TOP: i32 = 44;
/// Where bars begin, and how long the longest is.
const LEFT: i32 = 120;
const LONGEST: f64 = 200.0;

pub fn draw(path: &Path, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    let most = panels.iter().map(|panel| panel.bars.len()).max().unwrap_or(0);
    let height = TOP + LINE * i32::try_from(most)? + 10;
    let size = (WIDTH * u32::try_from(panels.len())?, u32::try_from(height)?);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        area.draw(&Text::new(panel.title, (12, 12), ("sans-serif", 15)))?;
        let longest = panel.bars.iter().map(|bar| bar.value).fold(1.0, f64::max);
        for (line, bar) in (0..).zip(&panel.bars) {
            let y = TOP + LINE * line;
            let end = LEFT + round(bar.value.max(0.0) / longest * LONGEST);
            let colour = if bar.whose == Whose::Ours { OURS } else { THEIRS };
            area.draw(&Text::new(bar.name, (12, y + 2), ("sans-serif", 13)))?;
            area.draw(&Rectangle::new([(LEFT, y), (end, y + LINE - 8)], colour.filled()))?;
            area.draw(&Text::new(bar.text.clone(), (end + 5, y + 2), ("sans-serif", 13)))?;
        }
    }
    root.present()?;
    Ok(())
}

#[allow(clippy::cast_possible_truncation, reason = "of a few hundred pixels")]
fn round(pixels: f64) -> i32 {
    pixels.round() as i32
}
