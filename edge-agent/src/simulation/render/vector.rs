//! Three numbers as a point or a direction, metres. Plain arrays: drawing moves tens of thousands of them a frame.

/// A point or direction.
pub type Vector = [f32; 3];

/// Up.
pub const UP: Vector = [0.0, 0.0, 1.0];

pub fn add(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub fn subtract(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn scale(a: Vector, by: f32) -> Vector {
    [a[0] * by, a[1] * by, a[2] * by]
}

/// `a + b * by`.
pub fn along(a: Vector, b: Vector, by: f32) -> Vector {
    [a[0] + b[0] * by, a[1] + b[1] * by, a[2] + b[2] * by]
}

pub fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub fn length(a: Vector) -> f32 {
    dot(a, a).sqrt()
}

/// Length one; a zero vector stays zero.
pub fn unit(a: Vector) -> Vector {
    scale(a, 1.0 / length(a).max(1e-9))
}

/// From `a` (0) to `b` (1).
pub fn mix(a: Vector, b: Vector, part: f32) -> Vector {
    along(a, subtract(b, a), part)
}
