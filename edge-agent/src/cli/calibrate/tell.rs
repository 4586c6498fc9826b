//! What `edge-agent calibrate` says: the pose and its error, or why there is none.
//!
//! Comes in: a calibration. Goes out: a sentence or one JSON object on standard output.

use super::Calibrate;
use crate::{
    geometry::solve::{Calibration, Miss, quantile},
    rink::{FOOT_M, Rink},
};
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct Named {
    name: String,
    cm: f64,
}

/// Says why there is none.
pub fn refused(args: &Calibrate, picture: &str, fault: &anyhow::Error) {
    if args.json {
        println!("{}", json!({ "file": picture, "refused": format!("{fault:#}") }));
    } else {
        println!("{picture}: refused: {fault:#}");
    }
}

/// Says a calibration: a sentence, or JSON. `plain` are the plain homography's errors, `share` is of the lines' length
/// that was found when it was made from lines.
pub fn tell(
    args: &Calibrate,
    picture: &str,
    calibration: &Calibration,
    plain: &[Miss],
    share: Option<f64>,
    rink: &Rink,
) {
    let spread = |misses: &[Miss]| {
        let cm = |part| (quantile(misses, part) * 1000.0).round() / 10.0;
        let each: Vec<Named> = misses
            .iter()
            .map(|miss| Named { name: miss.name.clone(), cm: (miss.error_m * 1000.0).round() / 10.0 })
            .collect();
        json!({ "median": cm(0.5), "p90": cm(0.9), "max": cm(1.0), "each": each })
    };
    let likely = likely(calibration, rink);
    let [median_cm, p90_cm] = [0.5, 0.9].map(|part| (quantile(&likely, part) * 1000.0).round() / 10.0);
    if args.json {
        let feet = |part| (quantile(&calibration.left_out, part) / FOOT_M * 100.0).round() / 100.0;
        println!(
            "{}",
            json!({
                "file": picture,
                "camera": calibration.camera,
                "landmarks": calibration.refit.len(),
                "residual_px": (calibration.residual_px * 100.0).round() / 100.0,
                "refit_cm": spread(&calibration.refit),
                "leave_one_out_cm": spread(&calibration.left_out),
                "leave_one_out_ft": { "median": feet(0.5), "p90": feet(0.9), "max": feet(1.0) },
                "likely_over_ice_cm": { "median": median_cm, "p90": p90_cm, "square_metres_seen": 4 * likely.len() },
                "lines_found": share.map(|share| (share * 100.0).round() / 100.0),
                "plain_leave_one_out_cm": (plain.len() == calibration.refit.len()).then(|| spread(plain)),
            })
        );
        return;
    }
    let [x, y, z] = calibration.camera.position_m;
    let what = share.map_or_else(
        || "landmarks".to_owned(),
        |share| format!("lines and landmarks ({:.0} % of the lines' length found)", share * 100.0),
    );
    println!(
        "{picture}: camera at ({x:.1}, {y:.1}, {z:.1}) m, focal length {:.0} px; {} {what} agree to {:.1} px; each left out is off by {:.0} cm in the median; over all the ice it sees {median_cm:.0} cm are likely, {p90_cm:.0} cm at the far end",
        calibration.camera.focal_px,
        calibration.refit.len(),
        calibration.residual_px,
        calibration.camera.error_m * 100.0,
    );
}

/// The likely error of every second metre of the ice that the picture shows.
fn likely(calibration: &Calibration, rink: &Rink) -> Vec<Miss> {
    rink.places()
        .filter_map(|place_m| calibration.likely_error_m(place_m))
        .map(|error_m| Miss { name: String::new(), error_m })
        .collect()
}
