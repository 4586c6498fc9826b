//! The page itself: one table a subject, no script, no build step, renewed by the browser every two seconds.

use std::fmt::{self, Display, Write as _};

use super::Answer;
use crate::health::{Overall, Stage, State};

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Rinkside box</title>
<style>
:root { color-scheme: light dark; --ok: #16803c; --degraded: #b45309; --down: #c81e1e }
body { font: 16px/1.4 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top }
.state { color: #fff; border-radius: .3rem; padding: .05rem .5rem; white-space: nowrap }
.ok { background: var(--ok) } .degraded { background: var(--degraded) } .down { background: var(--down) }
.cure { font-weight: 600 } .number { text-align: right; font-variant-numeric: tabular-nums }
</style></head><body>
"#;

/// A tag not heard for this long is said to be quiet, seconds.
const QUIET_AFTER_S: f64 = 5.0;

/// A charge under this is worth a look before the game, percent: about two hours of a tag.
const BATTERY_LOW_PERCENT: u8 = 20;

/// Text that is only text on the page.
struct Plain<T>(T);

impl<T: Display> Display for Plain<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                _ => out.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// The page at `now_us`, microseconds UTC.
pub(super) fn render(answer: &Answer, now_us: i64) -> String {
    let mut html = String::with_capacity(16 * 1024);
    write(&mut html, answer, now_us).expect("a string takes everything");
    html
}

fn write(html: &mut String, answer: &Answer, now_us: i64) -> fmt::Result {
    let picture = &answer.picture;
    html.push_str(HEAD);
    let (class, word) = match answer.overall {
        Overall::Ok => ("ok", "all well"),
        Overall::Degraded => ("degraded", "needs a look"),
        Overall::Down => ("down", "needs help"),
    };
    write!(html, "<h1>{} <span class=\"state {class}\">{word}</span></h1>", Plain(&picture.edge))?;
    match picture.game {
        Some(game) => write!(html, "<p>Game {game}</p>")?,
        None => html.push_str("<p>No game</p>"),
    }
    write_stages(html, &answer.stages)?;

    write!(html, "<h2>Cameras</h2>")?;
    table(html, &["source", "frames/s", "people"], &picture.cameras, |html, camera| {
        let (source, tracks) = (Plain(&camera.source), camera.tracks);
        write!(html, "<td>{source}</td><td>{:.1}</td><td>{tracks}</td>", camera.frames_per_second)
    })?;

    write!(html, "<h2>Tags ({})</h2>", picture.tags.len())?;
    table(html, &["tag", "line", "packets", "lost", "battery", "heard", "fault"], &picture.tags, |html, tag| {
        let ago_s = (now_us - tag.seen_us) as f64 / 1e6;
        write!(html, "<td>{}</td><td>{}</td><td>{}</td><td>{}</td>", tag.tag, tag.line, tag.packets, tag.lost)?;
        match tag.battery_percent {
            Some(percent) => {
                let class = if percent < BATTERY_LOW_PERCENT { "state degraded" } else { "" };
                write!(html, "<td><span class=\"{class}\">{percent} %</span></td>")?;
            }
            None => html.push_str("<td></td>"),
        }
        let class = if ago_s > QUIET_AFTER_S { "state degraded" } else { "" };
        write!(html, "<td><span class=\"{class}\">{ago_s:.1} s ago</span></td><td>")?;
        if let Some(fault) = tag.fault {
            write!(html, "{}", Plain(format!("{fault:?}")))?;
        }
        html.write_str("</td>")
    })?;

    match picture.carrier {
        "" => write!(html, "<h2>To the hub</h2>")?,
        carrier => write!(html, "<h2>To the hub, over {carrier}</h2>")?,
    }
    table(html, &["stream", "waiting"], &picture.queue, |html, waiting| {
        let (stream, records) = (Plain(&waiting.stream), waiting.records);
        write!(html, "<td>{stream}</td><td>{records}</td>")
    })?;
    html.write_str("<p><a href=\"/health\">health</a> · <a href=\"/metrics\">metrics</a></p></body></html>\n")
}

fn write_stages(html: &mut String, stages: &[Stage]) -> fmt::Result {
    write!(html, "<h2>Stages</h2>")?;
    table(html, &["stage", "", "what is wrong, and what to do"], stages, |html, Stage { stage, state, note }| {
        let (class, wrong) = match state {
            State::Ok => ("ok", None),
            State::Degraded { reason, cure } => ("degraded", Some((reason, cure))),
            State::Down { reason, cure } => ("down", Some((reason, cure))),
        };
        write!(html, "<td>{}</td><td><span class=\"state {class}\">{class}</span></td><td>", Plain(stage))?;
        if let Some((reason, cure)) = wrong {
            write!(html, "{}<br><span class=\"cure\">{}</span>", Plain(reason), Plain(cure))?;
        } else if let Some(note) = note {
            write!(html, "{}", Plain(note))?;
        }
        html.write_str("</td>")
    })
}

fn table<T>(
    html: &mut String,
    heads: &[&str],
    rows: &[T],
    cells: impl Fn(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    if rows.is_empty() {
        return html.write_str("<p>none</p>");
    }
    html.push_str("<table><tr>");
    for head in heads {
        write!(html, "<th>{head}</th>")?;
    }
    html.push_str("</tr>");
    for row in rows {
        html.push_str("<tr>");
        cells(html, row)?;
        html.push_str("</tr>");
    }
    html.write_str("</table>")
}
