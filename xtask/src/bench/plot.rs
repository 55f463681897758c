//! `cargo xtask bench --plot`: pictures for README.md, of what was measured and committed, and of the library as it is built now.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::baseline::number;
use super::chaos::Published;
use super::growth::{Growth, Point};
use super::metrics::float;
use super::peers::Row;
use super::{readme, size};
use crate::setup;
use crate::workspace::{FFI, Workspace};

const FOLDER: &str = "bench/charts";
const WIDTH: u32 = 760;
const ROW: i32 = 30;
const TOP: i32 = 44;
/// Where bars begin, and how long the longest is.
const LEFT: i32 = 270;
const LENGTH: f64 = 400.0;

const OURS: RGBColor = RGBColor(26, 115, 101);
const THEIRS: RGBColor = RGBColor(150, 158, 168);
const TEXT: RGBColor = RGBColor(60, 60, 60);

/// One bar: what it says beside it, how long it is, and whether it is Keyfob's.
struct Bar {
    label: String,
    value: f64,
    ours: bool,
}

pub(super) fn draw(workspace: &Workspace) -> Result<()> {
    fs::create_dir_all(workspace.root.join(FOLDER))?;
    let peers = fs::read_to_string(workspace.root.join(readme::PEERS)).context(readme::PEERS)?;
    let peers: Vec<Row> = serde_json::from_str(&peers).context(readme::PEERS)?;
    let short = |row: &Row| row.name.split(',').next().unwrap_or_default().trim_matches('*').to_owned();
    let of = |row: &Row, what: &str| format!("{} {}{what}", short(row), row.version);

    let cached = peers.iter().filter_map(|row| Some((row, row.cached_ratio?)));
    let cached: Vec<_> = cached.map(|(row, value)| Bar { label: of(row, ""), value, ours: is_ours(row) }).collect();
    bars(workspace, "cached", "A cached token: time, Keyfob's is 1 (logarithmic)", &cached, |value| {
        (1.0 + value).log10()
    })?;

    let logins = peers.iter().flat_map(|row| {
        let bar = |what, login: &Option<super::peers::Login>| {
            let requests = login.as_ref()?.requests;
            Some(Bar { label: of(row, what), value: float(requests as u64), ours: is_ours(row) })
        };
        [bar(", cold", &row.cold), bar(", warm", &row.warm)].into_iter().flatten()
    });
    bars(workspace, "logins", "A login: requests to the provider", &logins.collect::<Vec<_>>(), |value| value)?;

    let chaos: Vec<_> = Published::read(workspace)?.logouts().collect();
    let chaos = chaos.into_iter().map(|(label, value, ours)| Bar { label, value, ours });
    bars(
        workspace,
        "chaos",
        "Four processes killed and stopped: forced logouts in 100 refreshes",
        &chaos.collect::<Vec<_>>(),
        |value| value,
    )?;

    if setup::require(size::NEEDS).is_ok() {
        let library = workspace.build_release(FFI)?.join(workspace.dynamic_library(FFI)?);
        let mut parts: Vec<_> = size::parts(&library)?.into_iter().collect();
        parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let parts = parts.into_iter().map(|(label, bytes)| Bar {
            ours: label == "Keyfob",
            label,
            value: float(bytes) / 1000.0,
        });
        bars(workspace, "size", "libkeyfob: kB of functions and constants", &parts.collect::<Vec<_>>(), |value| value)?;
    }
    lines(workspace, &Growth::read(workspace)?.sessions)
}

fn is_ours(row: &Row) -> bool {
    row.name.contains("Keyfob")
}

/// Plotters' errors are of the back end's type, which is of no interest.
fn drawn<T, E: Display>(result: std::result::Result<T, E>) -> Result<T> {
    result.map_err(|error| anyhow!("the picture: {error}"))
}

#[expect(clippy::cast_possible_truncation, reason = "pixels")]
fn bars(workspace: &Workspace, name: &str, title: &str, rows: &[Bar], scale: fn(f64) -> f64) -> Result<()> {
    let rows_high = ROW * i32::try_from(rows.len())?;
    let file = workspace.root.join(FOLDER).join(format!("{name}.svg"));
    {
        let root = SVGBackend::new(&file, (WIDTH, u32::try_from(TOP + rows_high + 10)?)).into_drawing_area();
        drawn(root.fill(&WHITE))?;
        let right = Pos::new(HPos::Right, VPos::Center);
        let left = Pos::new(HPos::Left, VPos::Center);
        let font = |size: i32| ("sans-serif", size).into_font().color(&TEXT);
        drawn(root.draw(&Text::new(title.to_owned(), (16, 20), font(20).pos(left))))?;
        let longest = rows.iter().map(|row| scale(row.value)).fold(f64::MIN_POSITIVE, f64::max);
        let mut y = TOP + ROW / 2;
        for row in rows {
            let end = LEFT + (LENGTH * scale(row.value) / longest).round() as i32;
            let colour = if row.ours { OURS } else { THEIRS };
            drawn(root.draw(&Text::new(row.label.clone(), (LEFT - 8, y), font(15).pos(right))))?;
            drawn(root.draw(&Rectangle::new([(LEFT, y - 9), (end.max(LEFT + 1), y + 9)], colour.filled())))?;
            drawn(root.draw(&Text::new(number(row.value), (end + 6, y), font(15).pos(left))))?;
            y += ROW;
        }
        drawn(root.present())?;
    }
    said(&file)
}

/// What calls cost as sessions grow.
fn lines(workspace: &Workspace, points: &[Point]) -> Result<()> {
    const COLOURS: [RGBColor; 4] = [OURS, RGBColor(196, 98, 16), RGBColor(66, 103, 178), RGBColor(140, 66, 140)];
    let file = workspace.root.join(FOLDER).join("growth.svg");
    {
        let root = SVGBackend::new(&file, (WIDTH, 380)).into_drawing_area();
        drawn(root.fill(&WHITE))?;
        let most = points.iter().map(|point| point.instructions).fold(1.0, f64::max);
        let mut chart = drawn(
            ChartBuilder::on(&root)
                .caption("Instructions by the number of sessions", ("sans-serif", 20))
                .margin(14)
                .margin_right(36)
                .x_label_area_size(34)
                .y_label_area_size(80)
                .build_cartesian_2d((1.0..1_000_000.0f64).log_scale(), (100.0..most * 3.0).log_scale()),
        )?;
        let axis = |value: &f64| number(*value);
        drawn(chart.configure_mesh().x_desc("sessions").x_label_formatter(&axis).y_label_formatter(&axis).draw())?;
        let mut whats: Vec<_> = points.iter().map(|point| point.what.as_str()).collect();
        whats.dedup();
        for (what, colour) in whats.into_iter().zip(COLOURS) {
            let line =
                points.iter().filter(|point| point.what == what).map(|point| (point.sessions, point.instructions));
            drawn(chart.draw_series(LineSeries::new(line.clone(), colour.stroke_width(2))))?
                .label(what)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            drawn(chart.draw_series(line.map(|at| Circle::new(at, 4, colour.filled()))))?;
        }
        drawn(chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(THEIRS).draw())?;
        drawn(root.present())?;
    }
    said(&file)
}

fn said(file: &Path) -> Result<()> {
    println!("drew {FOLDER}/{}", file.file_name().unwrap_or_default().to_string_lossy());
    Ok(())
}
