//! How the costs of a season grow, as a picture: games to the right, milliseconds up, both by powers of ten.

use super::Mark;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 180.0;
const EDGE: f64 = 45.0;
/// Powers of ten that are shown.
const GAMES: (f64, f64) = (1.0, 3.3);
const MILLISECONDS: (f64, f64) = (0.0, 4.0);

/// One of the costs.
type Cost = fn(&Mark) -> f64;

fn place(games: f64, milliseconds: f64) -> (f64, f64) {
    let part = |value: f64, (from, to): (f64, f64)| ((value.max(1e-3).log10() - from) / (to - from)).clamp(0.0, 1.0);
    let x = LEFT + part(games, GAMES) * (WIDTH - LEFT - RIGHT);
    let y = HEIGHT - EDGE - part(milliseconds, MILLISECONDS) * (HEIGHT - 2.0 * EDGE);
    (x, y)
}

/// The picture of `marks`.
pub fn svg(marks: &[Mark]) -> String {
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">What a season costs, simulated games</text>\n"
    );
    let mut line = |from: (f64, f64), to: (f64, f64), style: &str| {
        let ((x1, y1), (x2, y2)) = (from, to);
        writeln!(text, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>")
            .expect("text grows");
    };
    let ends = (10f64.powf(GAMES.0), 10f64.powf(GAMES.1));
    for power in 0..=4 {
        let milliseconds = 10f64.powi(power);
        line(place(ends.0, milliseconds), place(ends.1, milliseconds), "stroke=\"#ddd\"");
    }
    line(place(ends.0, 50.0), place(ends.1, 50.0), "stroke=\"#c33\" stroke-dasharray=\"5 4\"");
    let costs: [(&str, &str, Cost); 4] = [
        ("with and without, p95", "#1b62a5", |mark| mark.part_ms[1]),
        ("with and without, p50", "#7fb2de", |mark| mark.part_ms[0]),
        ("everybody's ranks, p50", "#3a8a3a", |mark| mark.ranks_ms[0]),
        ("to load a game", "#8a5a2b", |mark| mark.game_ms),
    ];
    for (_, colour, cost) in costs {
        for pair in marks.windows(2) {
            let at = |mark: &Mark| place(mark.games as f64, cost(mark));
            line(at(&pair[0]), at(&pair[1]), &format!("stroke=\"{colour}\" stroke-width=\"2\""));
        }
    }
    let mut say = |(x, y): (f64, f64), words: &str, style: &str| {
        writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{words}</text>").expect("text grows");
    };
    for power in 0..=4 {
        let (x, y) = place(ends.0, 10f64.powi(power));
        say((x - 8.0, y + 4.0), &format!("{} ms", 10i64.pow(power as u32)), "text-anchor=\"end\"");
    }
    for mark in marks {
        let (x, _) = place(mark.games as f64, 1.0);
        say((x, HEIGHT - EDGE + 18.0), &mark.games.to_string(), "text-anchor=\"middle\"");
    }
    say((WIDTH - RIGHT + 8.0, place(1.0, 50.0).1 + 4.0), "bar, 50 ms", "fill=\"#c33\"");
    say((LEFT + (WIDTH - LEFT - RIGHT) / 2.0, HEIGHT - 8.0), "games", "text-anchor=\"middle\"");
    for (name, colour, cost) in costs {
        if let Some(last) = marks.last() {
            let (_, y) = place(last.games as f64, cost(last));
            say((WIDTH - RIGHT + 8.0, y + 4.0), name, &format!("fill=\"{colour}\""));
        }
    }
    text + "</svg>\n"
}
