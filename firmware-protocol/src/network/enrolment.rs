//! How a box becomes known to a hub: the code staff type, the questions over HTTPS, the name in the certificate.
//!
//! A code is one string, `RINK-XXXX-…`: 12 characters nobody can guess, good once, then 20 of the fingerprint of the
//! hub's authority, so that the box knows whom to trust before it holds any certificate. Characters are Crockford's
//! base 32 (no I, L, O, U); case, dashes and spaces do not matter, and O, I and L are read as what was meant.

use alloc::{
    format,
    string::{String, ToString as _},
};
use core::fmt;
use serde::{Deserialize, Serialize};

use super::topic::is_slug;

/// Where a box asks for its first certificate, with an [`EnrolRequest`].
pub const ENROL_PATH: &str = "/enrol";
/// Where a box that has a certificate asks for the next, with a [`RenewRequest`].
pub const RENEW_PATH: &str = "/renew";

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PREFIX: &str = "RINK";
/// 60 bits: at a million guesses a second, of which a hub takes few, half of them last 18,000 years; a code, an hour.
const SECRET_CHARACTERS: usize = 12;
/// 100 bits: nobody makes a second authority with the same.
const FINGERPRINT_CHARACTERS: usize = 20;

/// What staff type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// What only this box is told; the hub keeps its digest.
    pub secret: String,
    /// Of the hub's authority, as [`fingerprint`] gives it.
    pub fingerprint: String,
}

/// Why a text is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no enrolment code: {reason} (it looks like RINK-XXXX-XXXX-…, eight groups of four)")]
pub struct CodeError {
    reason: String,
}

impl Code {
    /// A code of 60 random bits, for the authority whose certificate has this SHA-256.
    pub fn new(random: [u8; 8], authority_digest: &[u8; 32]) -> Self {
        Self { secret: base32(&random, SECRET_CHARACTERS), fingerprint: fingerprint(authority_digest) }
    }

    /// The code in `text`.
    pub fn read(text: &str) -> Result<Self, CodeError> {
        let mut characters = String::new();
        for character in text.chars().filter(|character| !(character.is_whitespace() || *character == '-')) {
            characters.push(character.to_ascii_uppercase());
        }
        let fault = |reason: String| CodeError { reason };
        let Some(rest) = characters.strip_prefix(PREFIX) else {
            return Err(fault(format!("it does not begin with {PREFIX}")));
        };
        let mut symbols = String::new();
        for character in rest.chars() {
            let meant = match character {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if !(meant.is_ascii() && ALPHABET.contains(&(meant as u8))) {
                return Err(fault(format!("{character:?} is never in one")));
            }
            symbols.push(meant);
        }
        let expected = SECRET_CHARACTERS + FINGERPRINT_CHARACTERS;
        if symbols.len() != expected {
            return Err(fault(format!("{} characters after {PREFIX} (it has {expected})", symbols.len())));
        }
        let (secret, fingerprint) = symbols.split_at(SECRET_CHARACTERS);
        Ok(Self { secret: secret.to_string(), fingerprint: fingerprint.to_string() })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(PREFIX)?;
        for (index, character) in self.secret.chars().chain(self.fingerprint.chars()).enumerate() {
            if index % 4 == 0 {
                formatter.write_str("-")?;
            }
            write!(formatter, "{character}")?;
        }
        Ok(())
    }
}

/// What a code says of the authority whose certificate (DER) has this SHA-256.
pub fn fingerprint(digest: &[u8; 32]) -> String {
    base32(digest, FINGERPRINT_CHARACTERS)
}

/// The first `characters` times five bits of `bytes`.
fn base32(bytes: &[u8], characters: usize) -> String {
    let bit = |index: usize| (bytes[index / 8] >> (7 - index % 8)) & 1;
    (0..characters)
        .map(|character| {
            let symbol = (0..5).fold(0, |symbol, offset| symbol << 1 | bit(character * 5 + offset));
            char::from(ALPHABET[symbol as usize])
        })
        .collect()
}

/// A box asks for its first certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// [`Code::secret`].
    pub secret: String,
    /// A certificate signing request, PEM. Only its key counts: the code says the name.
    pub request: String,
}

/// A box asks for its next certificate, over a connection made with its present one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// A certificate signing request, PEM. Only its key counts: the present certificate says the name.
    pub request: String,
}

/// The hub's answer to both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certified {
    /// The arena the box speaks for.
    pub venue: String,
    /// The box's name.
    pub edge: String,
    /// The hub's number of the enrolment.
    pub enrolment: i64,
    /// Its certificate, PEM.
    pub certificate: String,
    /// The hub's authority, PEM.
    pub authority: String,
    /// Where boxes reach the hub over QUIC: the port, on the host that was asked.
    pub port: u16,
    /// First instant of the certificate, microseconds UTC.
    pub from_us: i64,
    /// Last instant of the certificate, microseconds UTC.
    pub until_us: i64,
}

/// The hub's answer when it will not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Why, and what to do.
    pub reason: String,
}

/// The common name in a box's certificate. Dots, because no slug holds one. `enrolment` is the hub's number of the
/// enrolment: a box that is enrolled again has another name, so what was revoked stays revoked.
pub fn certificate_name(venue: &str, edge: &str, enrolment: i64) -> String {
    format!("{venue}.{edge}.{enrolment}")
}

/// Venue, edge and enrolment in a common name, when it is one of a box.
pub fn named(name: &str) -> Option<(&str, &str, i64)> {
    let mut parts = name.split('.');
    match (parts.next()?, parts.next()?, parts.next()?.parse(), parts.next()) {
        (venue, edge, Ok(enrolment), None) if is_slug(venue) && is_slug(edge) => Some((venue, edge, enrolment)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_how_people_type() {
        let code = Code::new([0x00, 0x44, 0x32, 0x14, 0xC7, 0x42, 0x54, 0xB6], &[0xA5; 32]);
        let text = code.to_string();
        assert_eq!(text, "RINK-0123-4567-89AB-MPJT-B9D5-MPJT-B9D5-MPJT");
        let typed = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        for text in [text.as_str(), typed.as_str()] {
            assert_eq!(Code::read(text), Ok(code.clone()), "{text}");
        }
        for bad in ["", "RINK", "0123", &text[..text.len() - 1], &format!("{text}0"), &text.replace('J', "U")] {
            assert!(Code::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_say_who() {
        assert_eq!(named(&certificate_name("oak", "box-1", 7)), Some(("oak", "box-1", 7)));
        for bad in ["", "oak", "oak.box-1", "oak.box-1.x", "oak.box-1.7.8", "Oak.box.7", "*.box.7", "oak..7"] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }
}
