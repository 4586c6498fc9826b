//! The audit's tree: RFC 6962 with SHA-256, and heads signed with Ed25519.
//!
//! Comes in: entries as text, in order. Goes out: hashes, heads, and whether an exported audit is what was signed. Works
//! offline: [`verify`] needs the export and a public key, nothing else. Never: trust in a key that only the export names,
//! unless asked to.

use crate::storage::audit::Hashing;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use ring::{
    digest::{Context, SHA256},
    signature::{ED25519, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};

/// How the tree is hashed: leaves and nodes begin with another byte each, so none passes for the other.
pub const HASHING: Hashing = Hashing { leaf, node };

/// What a head's signature is over, before its size and root.
const SIGNED_AS: &str = "rinkside audit head 1";

fn leaf(entry: &str) -> String {
    hash(0, &[entry.as_bytes()])
}

fn node(left: &str, right: &str) -> String {
    // What somebody made no hash of in the table makes another root, which is found.
    let bytes = |hex: &str| HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
    hash(1, &[&bytes(left), &bytes(right)])
}

fn hash(kind: u8, parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(&[kind]);
    for part in parts {
        context.update(part);
    }
    HEXLOWER.encode(context.finish().as_ref())
}

/// The root over whole subtrees, largest first; of none, the digest of nothing.
pub fn root(subtrees: &[String]) -> String {
    let mut rest = subtrees.iter().rev();
    let Some(last) = rest.next() else { return HEXLOWER.encode(Context::new(&SHA256).finish().as_ref()) };
    rest.fold(last.clone(), |right, left| node(left, &right))
}

/// A signed head of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// How many entries are in it: numbers 0 to this, without.
    pub size: u64,
    /// Its root, hex.
    pub root: String,
    /// When it was signed, microseconds UTC.
    pub at_us: i64,
    /// The key's name.
    pub kid: String,
    /// The key's public half, base64.
    pub public_key: String,
    /// Ed25519, base64.
    pub signature: String,
}

/// The bytes that are signed.
pub fn signed_bytes(size: u64, root: &str, at_us: i64) -> Vec<u8> {
    format!("{SIGNED_AS}\n{size}\n{root}\n{at_us}\n").into_bytes()
}

impl Head {
    /// Whether its signature is that of `public_key`, base64.
    pub fn is_signed_by(&self, public_key: &str) -> bool {
        let (Ok(key), Ok(signature)) = (STANDARD.decode(public_key), STANDARD.decode(&self.signature)) else {
            return false;
        };
        let bytes = signed_bytes(self.size, &self.root, self.at_us);
        UnparsedPublicKey::new(&ED25519, &key).verify(&bytes, &signature).is_ok()
    }
}

/// One line of an exported audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The text of an entry, as it was hashed.
    Entry(String),
    /// A head that was signed when so many entries stood.
    Head(Head),
}

/// What an export shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Entries.
    pub entries: u64,
    /// Heads that fit.
    pub heads: u64,
    /// Entries that a head covers.
    pub covered: u64,
    /// Names of the keys that signed.
    pub keys: Vec<String>,
}

/// Why an export is not what was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A line is none.
    #[error("line {0} is neither an entry nor a head")]
    Line(u64),
    /// An entry says another number than its place.
    #[error("line {line}: entry {found} stands where entry {expected} must: one was removed, added or moved")]
    Order {
        /// Which line.
        line: u64,
        /// What it says.
        found: String,
        /// What it must.
        expected: u64,
    },
    /// The entries make another root than the head says.
    #[error("line {line}: the entries before make another tree than was signed over {size}: one was changed")]
    Root {
        /// Which line.
        line: u64,
        /// Over how many entries.
        size: u64,
    },
    /// A head stands where other entries were counted.
    #[error("line {line}: a head over {size} entries stands after {found}: some were removed or added")]
    Size {
        /// Which line.
        line: u64,
        /// Over how many entries.
        size: u64,
        /// How many stand before it.
        found: u64,
    },
    /// A signature is wrong, or of a key that is not trusted.
    #[error("line {line}: the signature over {size} entries is not by a key that is trusted")]
    Signature {
        /// Which line.
        line: u64,
        /// Over how many entries.
        size: u64,
    },
    /// It does not reach as far as it must.
    #[error("it ends with entry {found}, and {expected} are known to have been signed")]
    Short {
        /// How many there are.
        found: u64,
        /// How many there must be.
        expected: u64,
    },
}

/// Holds an export against its signed heads. `trusted` are public keys, base64; without any, those the heads name are
/// believed, and the answer says which. `entries_min` is how many entries are known to have been signed.
pub fn verify(lines: impl Iterator<Item = String>, trusted: &[String], entries_min: u64) -> Result<Shown, Broken> {
    let mut shown = Shown::default();
    // Roots of whole subtrees so far, with how many leaves each has.
    let mut subtrees: Vec<(u64, String)> = Vec::new();
    for (line, text) in (1..).zip(lines) {
        if text.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(&text).map_err(|_| Broken::Line(line))? {
            Line::Entry(entry) => {
                let said: serde_json::Value = serde_json::from_str(&entry).unwrap_or_default();
                if said["number"].as_u64() != Some(shown.entries) {
                    let (found, expected) = (said["number"].to_string(), shown.entries);
                    return Err(Broken::Order { line, found, expected });
                }
                let mut grown = (1, leaf(&entry));
                while let Some((_, left)) = subtrees.pop_if(|(leaves, _)| *leaves == grown.0) {
                    grown = (grown.0 * 2, node(&left, &grown.1));
                }
                subtrees.push(grown);
                shown.entries += 1;
            }
            Line::Head(head) => {
                let size = head.size;
                if size != shown.entries {
                    return Err(Broken::Size { line, size, found: shown.entries });
                }
                let roots: Vec<String> = subtrees.iter().map(|(_, root)| root.clone()).collect();
                if root(&roots) != head.root {
                    return Err(Broken::Root { line, size });
                }
                let key = if trusted.is_empty() { vec![head.public_key.clone()] } else { trusted.to_vec() };
                if !key.iter().any(|key| head.is_signed_by(key)) {
                    return Err(Broken::Signature { line, size });
                }
                (shown.heads, shown.covered) = (shown.heads + 1, size);
                if !shown.keys.contains(&head.kid) {
                    shown.keys.push(head.kid);
                }
            }
        }
    }
    if shown.covered < entries_min {
        return Err(Broken::Short { found: shown.covered, expected: entries_min });
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::standing::SigningKey;

    fn head(key: &SigningKey, size: u64, root: String) -> Head {
        let signature = key.sign(&signed_bytes(size, &root, 7));
        Head { size, root, at_us: 7, kid: key.kid.clone(), public_key: STANDARD.encode(&key.public), signature }
    }

    fn exported(key: &SigningKey, entries: u64) -> Vec<String> {
        let (mut lines, mut leaves) = (Vec::new(), Vec::new());
        for number in 0..entries {
            let entry = format!(r#"{{"number":{number},"what":"login"}}"#);
            leaves.push(leaf(&entry));
            lines.push(serde_json::to_string(&Line::Entry(entry)).unwrap());
            if number % 3 == 2 || number + 1 == entries {
                let head = head(key, number + 1, naive(&leaves));
                lines.push(serde_json::to_string(&Line::Head(head)).unwrap());
            }
        }
        lines
    }

    /// RFC 6962, 2.1, as it is written there.
    fn naive(leaves: &[String]) -> String {
        match leaves {
            [one] => one.clone(),
            many => {
                let half = many.len().next_power_of_two() / 2;
                node(&naive(&many[..half]), &naive(&many[half..]))
            }
        }
    }

    fn check(lines: &[String], trusted: &[String]) -> Result<Shown, Broken> {
        verify(lines.iter().cloned(), trusted, 0)
    }

    #[test]
    fn an_export_is_what_was_signed_or_it_is_told() {
        let key = SigningKey::make(0).0;
        let trusted = [STANDARD.encode(&key.public)];
        for entries in 1..40 {
            let lines = exported(&key, entries);
            let shown = check(&lines, &trusted).unwrap();
            assert_eq!((shown.entries, shown.covered), (entries, entries));
            for at in 0..lines.len() - 1 {
                let mut gone = lines.clone();
                let removed = gone.remove(at);
                assert!(removed.contains("head") || check(&gone, &trusted).is_err(), "line {at} of {entries} removed");
                let mut moved = lines.clone();
                moved.swap(at, at + 1);
                assert!(check(&moved, &trusted).is_err(), "line {at} of {entries} moved");
                let mut changed = lines.clone();
                changed[at] = changed[at].replace("login", "logout").replace("\"size\":", "\"size\":1");
                assert!(check(&changed, &trusted).is_err(), "line {at} of {entries} changed");
            }
        }
    }

    #[test]
    fn a_tree_made_again_with_another_key_is_not_trusted() {
        let (key, theirs) = (SigningKey::make(0).0, SigningKey::make(0).0);
        let trusted = [STANDARD.encode(&key.public)];
        let lines = exported(&theirs, 9);
        assert_eq!(check(&lines, &trusted), Err(Broken::Signature { line: 4, size: 3 }));
        assert_eq!(check(&lines, &[]).unwrap().keys, [theirs.kid]);
        let short = verify(exported(&key, 9).into_iter(), &trusted, 12);
        assert_eq!(short, Err(Broken::Short { found: 9, expected: 12 }));
    }

    #[test]
    fn the_hashes_are_those_of_rfc_6962() {
        assert_eq!(root(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(leaf(""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }
}
