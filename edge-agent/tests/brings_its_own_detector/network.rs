//! Networks of a few hundred bytes that answer what they are told to, as ONNX files written field by field.
//!
//! Each number of an answer has nought times the mean of the picture added, so that nothing can be left out of a run.

/// A protocol buffer being written.
#[derive(Default, Clone)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }
}

/// Element types, as ONNX numbers them.
pub const FLOAT: u64 = 1;
pub const BYTE: u64 = 2;
const INT64: u64 = 7;

/// A network being written.
pub struct Network {
    graph: Message,
    names: Vec<(String, u64)>,
}

impl Network {
    /// One that is fed `images` of `sides` (0 for a free one).
    pub fn new(element: u64, sides: &[u64]) -> Self {
        let graph = Message::default().bytes(2, b"g").bytes(11, &outlet("images", element, sides).0);
        let network = Self { graph, names: Vec::new() };
        network
            .constant("nought", FLOAT, &[], &0.0_f32.to_le_bytes())
            .node("Cast", &["images"], "floats", Some(("to", FLOAT)))
            .node("ReduceMean", &["floats"], "mean", Some(("keepdims", 0)))
            .node("Mul", &["mean", "nought"], "nothing", None)
    }

    fn constant(mut self, name: &str, element: u64, sides: &[u64], values: &[u8]) -> Self {
        let tensor = sides.iter().fold(Message::default(), |tensor, side| tensor.number(1, *side));
        let tensor = tensor.number(2, element).bytes(8, name.as_bytes()).bytes(9, values);
        self.graph = self.graph.bytes(5, &tensor.0);
        self
    }

    fn node(mut self, kind: &str, from: &[&str], to: &str, attribute: Option<(&str, u64)>) -> Self {
        let node = from.iter().fold(Message::default(), |node, name| node.bytes(1, name.as_bytes()));
        let mut node = node.bytes(2, to.as_bytes()).bytes(3, to.as_bytes()).bytes(4, kind.as_bytes());
        if let Some((name, value)) = attribute {
            // 2: a whole number.
            let attribute = Message::default().bytes(1, name.as_bytes()).number(3, value).number(20, 2);
            node = node.bytes(5, &attribute.0);
        }
        self.graph = self.graph.bytes(1, &node.0);
        self
    }

    fn answer(mut self, name: &str, element: u64) -> Self {
        self.names.push((name.to_owned(), element));
        self
    }

    /// Answers `values` in the tensor `name`.
    pub fn floats(self, name: &str, sides: &[u64], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let kept = format!("{name} kept");
        self.constant(&kept, FLOAT, sides, &bytes).node("Add", &[&kept, "nothing"], name, None).answer(name, FLOAT)
    }

    /// Answers whole numbers.
    pub fn integers(self, name: &str, sides: &[u64], values: &[i64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let kept = format!("{name} kept");
        self.constant(&kept, INT64, sides, &bytes).node("Identity", &[&kept], name, None).answer(name, INT64)
    }

    /// Answers corners in the unit of the sizes it asks for, as RT-DETR's exports do; `shares` are of 1.
    pub fn sized(mut self, name: &str, sides: &[u64], shares: &[f32]) -> Self {
        self.graph = self.graph.bytes(11, &outlet("orig_target_sizes", INT64, &[1, 2]).0);
        let bytes: Vec<u8> = shares.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant("shares", FLOAT, sides, &bytes)
            .node("Cast", &["orig_target_sizes"], "sizes", Some(("to", FLOAT)))
            .node("Concat", &["sizes", "sizes"], "corners", Some(("axis", 1)))
            .node("Mul", &["shares", "corners"], "boxes alone", None)
            .node("Add", &["boxes alone", "nothing"], name, None)
            .answer(name, FLOAT)
    }

    /// The file.
    pub fn file(self) -> Vec<u8> {
        let graph = self.names.iter().fold(self.graph, |graph, (name, element)| {
            graph.bytes(12, &Message::default().bytes(1, name.as_bytes()).bytes(2, &tensor_type(*element, None).0).0)
        });
        let operators = Message::default().bytes(1, b"").number(2, 13);
        Message::default().number(1, 8).bytes(7, &graph.0).bytes(8, &operators.0).0
    }
}

fn outlet(name: &str, element: u64, sides: &[u64]) -> Message {
    Message::default().bytes(1, name.as_bytes()).bytes(2, &tensor_type(element, Some(sides)).0)
}

fn tensor_type(element: u64, sides: Option<&[u64]>) -> Message {
    let mut tensor = Message::default().number(1, element);
    if let Some(sides) = sides {
        let shape = sides.iter().fold(Message::default(), |shape, side| {
            let named = Message::default().bytes(2, b"N");
            shape.bytes(1, &if *side == 0 { named } else { Message::default().number(1, *side) }.0)
        });
        tensor = tensor.bytes(2, &shape.0);
    }
    Message::default().bytes(1, &tensor.0)
}
