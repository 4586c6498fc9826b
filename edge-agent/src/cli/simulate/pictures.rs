//! Independent training pictures: each from a random instant, camera and, if asked, look.
//!
//! Comes in: a seed and a number. Goes out: JPEG files and `labels.jsonl`, one line a picture, in no order. Picture N of
//! a seed is the same in every run, whatever the number of threads. Fails when the folder cannot be written.

use super::{Boxed, size};
use crate::{
    rink::Rink,
    simulation::render::{Look, Renderer, moment},
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use opencv::{
    core::{BORDER_DEFAULT, CV_8UC3, Mat, MatTraitConst, MatTraitManual, Size, Vector, add_weighted},
    imgcodecs, imgproc,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// What pictures to draw.
#[derive(Debug, Args)]
pub struct Pictures {
    /// How many.
    #[arg(long, default_value_t = 100)]
    count: u32,
    /// Chooses all of them; picture N is the same in every run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// Size in pixels.
    #[arg(long, default_value = "1280x720", value_parser = size)]
    size: (u32, u32),
    /// Random teams, halls and cameras' faults instead of the standard look.
    #[arg(long)]
    random: bool,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

/// One line of `labels.jsonl`.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    width: u32,
    height: u32,
    boxes: &'a [Boxed],
}

/// Draws all of them.
pub fn run(args: &Pictures) -> Result<()> {
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make folder {}", args.out.display()))?;
    let path = args.out.join("labels.jsonl");
    let lines =
        Mutex::new(BufWriter::new(File::create(&path).with_context(|| format!("cannot write {}", path.display()))?));
    let next = AtomicU32::new(0);
    let jobs =
        if args.jobs == 0 { std::thread::available_parallelism().map_or(1, std::num::NonZero::get) } else { args.jobs };
    let work = || -> Result<()> {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= args.count {
                return Ok(());
            }
            let line = picture(args, i)?;
            let mut lines = lines.lock().map_err(|_| anyhow::anyhow!("another thread stopped"))?;
            writeln!(lines, "{line}").with_context(|| format!("cannot write {}", path.display()))?;
            if (i + 1).is_multiple_of(100) {
                eprintln!("{} of {} pictures", i + 1, args.count);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| t.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?)
    })?;
    Ok(())
}

/// Draws and writes picture `i`; gives its line of labels.
fn picture(args: &Pictures, i: u32) -> Result<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    rng.set_stream(u64::from(i));
    let rink = if rng.random_bool(0.6) { Rink::NHL } else { Rink::IIHF };
    let (w, h) = args.size;
    let truth = moment::truth(&mut rng, &rink);
    let camera = moment::camera(&mut rng, &rink, &truth, w, h);
    let look = if args.random { Look::random(&mut rng) } else { Look::standard(u64::from(i)) };
    let sharpen = look.film.sharpen;
    let mut renderer = Renderer::new(&camera, rink, look);
    let mut mat = Mat::new_rows_cols_with_default(h as i32, w as i32, CV_8UC3, 0.0.into())?;
    renderer.render(&truth, mat.data_bytes_mut()?);
    if args.random {
        mat = worn(&mut rng, mat, sharpen)?;
    }
    let quality = if args.random { rng.random_range(28..96) } else { 92 };
    let file = format!("{i:06}.jpg");
    save(&args.out.join(&file), &mat, quality)?;
    let boxes: Vec<Boxed> = renderer.labels().iter().map(Boxed::from).collect();
    Ok(serde_json::to_string(&Line { file: &file, width: w, height: h, boxes: &boxes })?)
}

/// What happens to a film on its way: sharpened by the camera, scaled, packed hard and unpacked.
fn worn(rng: &mut impl Rng, mut mat: Mat, sharpen: f32) -> Result<Mat> {
    let whole = mat.size()?;
    if sharpen > 0.0 {
        let (mut soft, mut crisp) = (Mat::default(), Mat::default());
        imgproc::gaussian_blur(&mat, &mut soft, Size::new(0, 0), 1.2, 0.0, BORDER_DEFAULT)?;
        let s = f64::from(sharpen);
        add_weighted(&mat, 1.0 + s, &soft, -s, 0.0, &mut crisp, -1)?;
        mat = crisp;
    }
    if rng.random_bool(0.45) {
        // Filmed or streamed smaller and blown up again.
        let by = rng.random_range(0.4..0.95);
        let (mut small, mut back) = (Mat::default(), Mat::default());
        imgproc::resize(&mat, &mut small, Size::default(), by, by, imgproc::INTER_AREA)?;
        if rng.random_bool(0.5) {
            small = repacked(&small, rng.random_range(25..80))?;
        }
        imgproc::resize(
            &small,
            &mut back,
            whole,
            0.0,
            0.0,
            if rng.random_bool(0.5) { imgproc::INTER_LINEAR } else { imgproc::INTER_CUBIC },
        )?;
        mat = back;
    }
    Ok(mat)
}

fn repacked(mat: &Mat, quality: i32) -> Result<Mat> {
    let mut bytes = Vector::new();
    imgcodecs::imencode(".jpg", mat, &mut bytes, &Vector::from_slice(&[imgcodecs::IMWRITE_JPEG_QUALITY, quality]))?;
    Ok(imgcodecs::imdecode(&bytes, imgcodecs::IMREAD_COLOR)?)
}

fn save(path: &Path, mat: &Mat, quality: i32) -> Result<()> {
    let name = path.to_str().with_context(|| format!("{} is not valid UTF-8", path.display()))?;
    let written = imgcodecs::imwrite(name, mat, &Vector::from_slice(&[imgcodecs::IMWRITE_JPEG_QUALITY, quality]))?;
    ensure!(written, "cannot write {name}");
    Ok(())
}
