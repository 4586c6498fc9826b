//! The C functions through which everything in this process reaches its files, in place of libc's: a symbol of an
//! executable wins, for Rust's standard library as for the C of SQLite. Files outside a [`Disk`] are not touched.
//!
//! Also the wall clock, which is stepped by [`step_clock`]. `mmap` is not seen: only SQLite's `-shm` is mapped, and it
//! is made anew at each opening.
#![expect(unsafe_code, reason = "the C functions are defined here, and take what C gives them")]

use crate::disk::{self, Disk};
use libc::{c_char, c_int, c_uint, c_void, mode_t, off_t, off64_t, size_t, ssize_t};
use std::{
    collections::BTreeMap,
    ffi::{CStr, OsStr},
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

/// Descriptors that may be files of a disk: more than a process has.
const DESCRIPTORS: usize = 1 << 16;

#[derive(Clone)]
struct Open {
    disk: Arc<Disk>,
    /// None for a folder.
    file: Option<usize>,
}

static IS_OPEN: [AtomicBool; DESCRIPTORS] = [const { AtomicBool::new(false) }; DESCRIPTORS];
static OPEN: Mutex<BTreeMap<c_int, Open>> = Mutex::new(BTreeMap::new());
static CLOCK_AHEAD_S: AtomicI64 = AtomicI64::new(0);

/// The wall clock is `ahead_s` seconds ahead from now on.
pub(crate) fn step_clock(ahead_s: i64) {
    CLOCK_AHEAD_S.store(ahead_s, Ordering::Relaxed);
}

fn open_at(descriptor: c_int) -> Option<Open> {
    let is_open = usize::try_from(descriptor).ok().and_then(|place| IS_OPEN.get(place))?;
    if !is_open.load(Ordering::Acquire) {
        return None;
    }
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).get(&descriptor).cloned()
}

fn path_of(text: *const c_char) -> PathBuf {
    // SAFETY: callers pass a C string, as the function they believe to call wants.
    let text = unsafe { CStr::from_ptr(text) };
    PathBuf::from(OsStr::from_bytes(text.to_bytes()))
}

fn on_disk(text: *const c_char) -> Option<(Arc<Disk>, PathBuf)> {
    disk::holding(&path_of(text))
}

fn fail(number: c_int) -> c_int {
    // SAFETY: the place of this thread's error number.
    unsafe { *libc::__errno_location() = number };
    -1
}

/// A system call whose arguments are those of the function it stands in.
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: the caller's arguments, passed on as they came.
        unsafe { libc::syscall($number $(, $argument)*) }
    };
}

#[unsafe(no_mangle)]
extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let open = || call!(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) as c_int;
    let Some((disk, inside)) = on_disk(path) else { return open() };
    let makes = flags & libc::O_CREAT != 0;
    if !disk.may_open(&inside, makes) {
        return fail(libc::ENOSPC);
    }
    let descriptor = open();
    let Some(is_open) = usize::try_from(descriptor).ok().and_then(|place| IS_OPEN.get(place)) else {
        return descriptor;
    };
    let file = disk.opened(&inside, path_of(path).is_dir(), flags & libc::O_TRUNC != 0);
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(descriptor, Open { disk, file });
    is_open.store(true, Ordering::Release);
    descriptor
}

#[unsafe(no_mangle)]
extern "C" fn close(descriptor: c_int) -> c_int {
    if let Some(is_open) = usize::try_from(descriptor).ok().and_then(|place| IS_OPEN.get(place))
        && is_open.swap(false, Ordering::AcqRel)
    {
        // Dropped without the lock: it may be the disk's last.
        let last = OPEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&descriptor);
        drop(last);
    }
    call!(libc::SYS_close, descriptor) as c_int
}

fn write_to(open: &Open, offset: u64, bytes: *const c_void, count: size_t, real: impl FnOnce() -> isize) -> ssize_t {
    let Some(file) = open.file else { return real() };
    // SAFETY: callers pass `count` readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count) };
    open.disk.write(file, offset, bytes, real).unwrap_or_else(|| fail(libc::ENOSPC) as ssize_t)
}

#[unsafe(no_mangle)]
extern "C" fn write(descriptor: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    let real = || call!(libc::SYS_write, descriptor, bytes, count) as ssize_t;
    match open_at(descriptor) {
        Some(open) => {
            let offset = call!(libc::SYS_lseek, descriptor, 0, libc::SEEK_CUR);
            write_to(&open, offset as u64, bytes, count, real)
        }
        None => real(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn pwrite64(descriptor: c_int, bytes: *const c_void, count: size_t, offset: off64_t) -> ssize_t {
    let real = || call!(libc::SYS_pwrite64, descriptor, bytes, count, offset) as ssize_t;
    match open_at(descriptor) {
        Some(open) => write_to(&open, offset as u64, bytes, count, real),
        None => real(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(descriptor: c_int, bytes: off64_t) -> c_int {
    let done = call!(libc::SYS_ftruncate, descriptor, bytes) as c_int;
    if done == 0
        && let Some(Open { disk, file: Some(file) }) = open_at(descriptor)
    {
        disk.resize(file, bytes as u64);
    }
    done
}

fn sync(descriptor: c_int, number: i64) -> c_int {
    match open_at(descriptor) {
        Some(open) => {
            open.disk.sync(open.file);
            0
        }
        None => call!(number, descriptor) as c_int,
    }
}

#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    sync(descriptor, libc::SYS_fsync)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    sync(descriptor, libc::SYS_fdatasync)
}

#[unsafe(no_mangle)]
extern "C" fn sync_file_range(descriptor: c_int, offset: off64_t, count: off64_t, flags: c_uint) -> c_int {
    match open_at(descriptor) {
        Some(_) => 0,
        None => call!(libc::SYS_sync_file_range, descriptor, offset, count, flags) as c_int,
    }
}

/// Refused for files of a disk, so that the copy is made of reads and writes.
#[unsafe(no_mangle)]
extern "C" fn copy_file_range(
    from: c_int,
    from_offset: *mut off64_t,
    to: c_int,
    to_offset: *mut off64_t,
    count: size_t,
    flags: c_uint,
) -> ssize_t {
    match open_at(to) {
        Some(_) => fail(libc::ENOSYS) as ssize_t,
        None => call!(libc::SYS_copy_file_range, from, from_offset, to, to_offset, count, flags) as ssize_t,
    }
}

/// The same.
#[unsafe(no_mangle)]
extern "C" fn sendfile64(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t {
    match open_at(to) {
        Some(_) => fail(libc::ENOSYS) as ssize_t,
        None => call!(libc::SYS_sendfile, to, from, offset, count) as ssize_t,
    }
}

#[unsafe(no_mangle)]
extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let done = call!(libc::SYS_renameat, libc::AT_FDCWD, from, libc::AT_FDCWD, to) as c_int;
    if done == 0
        && let (Some((disk, from)), Some((_, to))) = (on_disk(from), on_disk(to))
    {
        disk.moved(from, to);
    }
    done
}

#[unsafe(no_mangle)]
extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    let done = call!(libc::SYS_mkdirat, libc::AT_FDCWD, path, mode) as c_int;
    if done == 0
        && let Some((disk, inside)) = on_disk(path)
    {
        disk.made_folder(inside);
    }
    done
}

fn remove(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    let place = match folder {
        libc::AT_FDCWD => path_of(path),
        _ => fs::read_link(Path::new("/proc/self/fd").join(folder.to_string())).unwrap_or_default().join(path_of(path)),
    };
    let done = call!(libc::SYS_unlinkat, folder, path, flags) as c_int;
    if done == 0
        && let Some((disk, inside)) = disk::holding(&place)
    {
        disk.removed(inside);
    }
    done
}

#[unsafe(no_mangle)]
extern "C" fn unlink(path: *const c_char) -> c_int {
    remove(libc::AT_FDCWD, path, 0)
}

#[unsafe(no_mangle)]
extern "C" fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    remove(folder, path, flags)
}

#[unsafe(no_mangle)]
extern "C" fn rmdir(path: *const c_char) -> c_int {
    remove(libc::AT_FDCWD, path, libc::AT_REMOVEDIR)
}

#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    let done = call!(libc::SYS_clock_gettime, clock, time) as c_int;
    if done == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the call has just filled it.
        unsafe { (*time).tv_sec += CLOCK_AHEAD_S.load(Ordering::Relaxed) };
    }
    done
}
