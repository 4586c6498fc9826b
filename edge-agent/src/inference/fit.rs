//! Whether a network answers as its entry says, looked at once, when it is opened.
//!
//! Comes in: an entry and the tensors of a run on grey. Goes out: nothing, or what was found beside what the entry says.
//! Shapes first; then numbers that no answer of that layout has, because a wrong unit or a forgotten sigmoid has the
//! right shape and finds nobody.

use super::{
    Answer, InferenceError, decode,
    output::{Activation, Layout, Unit},
    registry::Entry,
};

/// Fewer numbers than this prove nothing: a grey picture may really look like that.
const NUMBERS_MIN: usize = 100;

/// Refuses `answers` that are not as `entry` says.
pub fn check(entry: &Entry, answers: &[Answer]) -> Result<(), InferenceError> {
    shapes(entry, answers).and_then(|()| numbers(entry, answers)).map_err(|(found, wanted)| {
        InferenceError::ShapeWrong { model: entry.name.clone(), what: "output", found, wanted }
    })
}

/// What was found, and what the entry says.
type Misfit = (String, String);

fn shapes(entry: &Entry, answers: &[Answer]) -> Result<(), Misfit> {
    let (output, (classes, _)) = (&entry.output, entry.classes());
    let sides = |index: usize| answers[index].shape.as_slice();
    let name = output.layout.name();
    let each = format!("one for each of {classes} classes");
    let input = [entry.input.width, entry.input.height];
    let cells = if output.layout == Layout::Yolox { decode::cells(input, output.strides()).len() } else { 0 };
    let (fits, wanted) = match output.layout {
        Layout::Rows => (
            matches!(*sides(0), [1, boxes, values] if boxes > 0 && values == 4 + classes),
            format!("[1, boxes, {}] (`{name}`): 4 and {each}", 4 + classes),
        ),
        Layout::Yolov5 => (
            matches!(*sides(0), [1, boxes, values] if boxes > 0 && values == 5 + classes),
            format!("[1, boxes, {}] (`{name}`): 4, 1 and {each}", 5 + classes),
        ),
        Layout::Yolov8 => (
            matches!(*sides(0), [1, values, boxes] if boxes > 0 && values == 4 + classes),
            format!("[1, {}, boxes] (`{name}`): 4 and {each}", 4 + classes),
        ),
        Layout::Yolox => (
            *sides(0) == [1, cells, 5 + classes],
            format!(
                "[1, {cells}, {}] (`{name}`): a box for each cell of strides {:?} in {}×{}; 4, 1 and {each}",
                5 + classes,
                output.strides(),
                input[0],
                input[1]
            ),
        ),
        Layout::YoloEndToEnd => (
            matches!(*sides(0), [1, _, 6]),
            format!("[1, boxes, 6] (`{name}`): left, top, right, bottom, score, class number"),
        ),
        Layout::Detr => (
            matches!((sides(0), sides(1)), ([1, boxes, 4], [1, rows, values]) if boxes == rows && *values == classes),
            format!("[1, queries, 4], [1, queries, {classes}] (`{name}`): boxes, scores {each}"),
        ),
        Layout::RtDetr => (
            matches!((sides(0), sides(1), sides(2)), ([1, boxes, 4], [1, a], [1, b]) if boxes == a && a == b),
            format!("[1, queries, 4], [1, queries], [1, queries] (`{name}`): boxes, scores, labels"),
        ),
        Layout::Numbers => (*sides(0) == [1, 101], format!("[1, 101] (`{name}`): unreadable, then numbers 0 to 99")),
    };
    if fits {
        return Ok(());
    }
    let found: Vec<String> = answers.iter().map(|answer| format!("{:?}", answer.shape)).collect();
    Err((found.join(", ") + &resembling(&answers[0].shape, answers.len()), wanted))
}

/// What a single tensor of such a shape usually is.
fn resembling(shape: &[usize], tensors: usize) -> String {
    match *shape {
        _ if tensors > 1 => String::new(),
        // A grid has thousands of cells; what suppresses by itself answers some hundreds.
        [1, boxes, 6] if boxes <= 1000 => " (`yolo_end_to_end` answers so)".to_owned(),
        [1, a, b] if a < b && a > 4 => format!(" (`yolov8` answers so, of {} classes)", a - 4),
        [1, a, b] if a > b && b > 5 => {
            format!(" (`rows` answers so, of {} classes, `yolov5` and `yolox` of {})", b - 4, b - 5)
        }
        [_, _, _, ..] if shape.len() > 3 => " (a head before decoding: export with it, in one tensor)".to_owned(),
        [batch, _, _] if batch != 1 => format!(" (a batch of {batch}: export for one picture)"),
        _ => String::new(),
    }
}

fn numbers(entry: &Entry, answers: &[Answer]) -> Result<(), Misfit> {
    let (output, (classes, _)) = (&entry.output, entry.classes());
    let values = &answers[0].values;
    let width = answers[0].shape.last().copied().unwrap_or(1);
    let column = |column: usize| values.iter().skip(column).step_by(width).copied();
    // Centres and scores, wherever the layout keeps them.
    let boxes = values.len() / (4 + classes);
    let (centres, scores): (Vec<f32>, Vec<f32>) = match output.layout {
        Layout::Rows | Layout::Yolov5 | Layout::Yolox => {
            (column(0).collect(), values.chunks_exact(width).flat_map(|row| row[4..].to_vec()).collect())
        }
        Layout::Yolov8 => (values[..boxes].to_vec(), values[4 * boxes..].to_vec()),
        Layout::Detr => (column(0).collect(), answers[1].values.clone()),
        Layout::YoloEndToEnd => {
            labels(column(5), classes)?;
            (column(0).chain(column(2)).collect(), column(4).collect())
        }
        Layout::Numbers => return Ok(()),
        Layout::RtDetr => {
            labels(answers[2].values.iter().copied(), classes)?;
            (column(0).chain(column(2)).collect(), answers[1].values.clone())
        }
    };
    activation(output.activation, &scores)?;
    unit(entry, &centres)
}

fn labels(mut labels: impl Iterator<Item = f32>, classes: usize) -> Result<(), Misfit> {
    labels.find(|label| *label >= classes as f32).map_or(Ok(()), |label| {
        Err((format!("class number {label}"), format!("{classes} classes (0 to {})", classes.max(1) - 1)))
    })
}

fn activation(declared: Activation, scores: &[f32]) -> Result<(), Misfit> {
    // A rounded score may stand a little outside.
    let outside = scores.iter().find(|score| !(-0.01..=1.01).contains(*score));
    match (declared, outside) {
        (Activation::None, Some(score)) => Err((
            format!("a score of {score}"),
            "scores 0 to 1 (`output.activation` \"none\"; \"sigmoid\" or \"softmax\" make them so)".to_owned(),
        )),
        (Activation::Sigmoid | Activation::Softmax, None) if scores.len() >= NUMBERS_MIN => Err((
            "scores that are all 0 to 1 already".to_owned(),
            "scores still to be made so (`output.activation`; leave it out)".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn unit(entry: &Entry, centres: &[f32]) -> Result<(), Misfit> {
    let (layout, width) = (entry.output.layout, entry.input.width as f32);
    let largest = centres.iter().copied().filter(|centre| centre.is_finite()).fold(0.0, f32::max);
    let found = || format!("places up to {largest}");
    let many = centres.len() >= NUMBERS_MIN;
    if entry.output.unit() == Unit::Normalised {
        let wanted = "places 0 to 1 (`output.unit` \"normalised\"; or \"pixels\")";
        return if largest > 4.0 { Err((found(), wanted.to_owned())) } else { Ok(()) };
    }
    if layout == Layout::Yolox {
        let wanted = "places within their cell (`yolox`; decoded in the network they are `yolox_decoded`)";
        return if many && largest > width * 0.25 { Err((found(), wanted.to_owned())) } else { Ok(()) };
    }
    // Queries gather where something is; cells of a grid lie all over the input.
    let spread = matches!(layout, Layout::Rows | Layout::Yolov5 | Layout::Yolov8);
    if (many && spread && largest < width * 0.25) || (many && largest > 0.0 && largest <= 2.0) {
        let wanted = format!("pixels of an input {width} wide (or `output.unit` \"normalised\", or `yolox`)");
        return Err((found(), wanted));
    }
    Ok(())
}
