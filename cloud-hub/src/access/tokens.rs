//! Tokens: what a program shows for some minutes, and what it gets a new one with.
//!
//! ```text
//!  access token   JWT, Ed25519: who, which session, until when          checked against the session each time
//!  refresh token  rkr_SESSION_NUMBER_PROOF                              used once; the number tells a copy
//!  session secret SESSION.SECRET, in a cookie                           its digest is kept
//!  key            rkk_SESSION_SECRET                                    a program's session that lasts
//! ```
//!
//! Comes in: claims and keys. Goes out: tokens; claims of a token that this hub signed and that holds now. Never: another
//! algorithm than `EdDSA`, whatever a header says; a key that a header brings (`jwk`, `jku`, `x5u`) or names and is not one
//! of ours; a token that lacks a claim.

use super::standing::SigningKey;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use data_encoding::HEXLOWER;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result as JwtResult},
    signature::{Error, Signer, Verifier},
};
use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};
use std::sync::Once;

/// Who made a token, and for whom.
const ISSUER: &str = "rinkside";
/// The clocks of two machines may differ by this much, seconds.
const LEEWAY_S: u64 = 5;
/// Longest token that is looked at.
const BYTES_MAX: usize = 2_048;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// For whom.
    pub aud: String,
    /// Whose.
    pub sub: String,
    /// Of which session.
    pub sid: String,
    /// When it was made, seconds since 1970.
    pub iat: u64,
    /// From when on.
    pub nbf: u64,
    /// Until when.
    pub exp: u64,
}

/// Bytes nobody guesses.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// A secret of 256 bits, as text.
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// A name nobody guesses: `prefix`, a dash, and 16 hexadecimal digits.
pub fn name(prefix: &str) -> String {
    format!("{prefix}-{}", HEXLOWER.encode(&random::<8>()))
}

/// Whether both texts are the same, in a time that does not tell where they differ.
pub fn same(one: &str, other: &str) -> bool {
    // Digests of one length; what differs in them says nothing of what was digested.
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"same");
    hmac::verify(&key, other.as_bytes(), hmac::sign(&key, one.as_bytes()).as_ref()).is_ok()
}

/// An access token of session `sid` of `account`, for `token_s` seconds.
pub fn sign(key: &SigningKey, (account, sid): (&str, &str), now_us: i64, token_s: u32) -> String {
    provide();
    let now_s = now_us.max(0) as u64 / 1_000_000;
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: ISSUER.to_owned(),
        sub: account.to_owned(),
        sid: sid.to_owned(),
        iat: now_s,
        nbf: now_s,
        exp: now_s + u64::from(token_s),
    };
    let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
    let signed = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&key.private));
    signed.expect("a key of ours signs")
}

/// What `token` says, when one of `keys` signed it and it holds at `now_us`.
pub fn verify(keys: &[SigningKey], token: &str, now_us: i64) -> Option<Claims> {
    provide();
    if token.len() > BYTES_MAX {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    let key = keys.iter().find(|key| header.kid.as_deref() == Some(&key.kid))?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);
    // The hub's own time decides, below.
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    let verifying = DecodingKey::from_ed_der(&key.public);
    let claims = jsonwebtoken::decode::<Claims>(token, &verifying, &validation).ok()?.claims;
    let now_s = now_us.max(0) as u64 / 1_000_000;
    let holds =
        claims.nbf <= now_s + LEEWAY_S && now_s < claims.exp.saturating_add(LEEWAY_S) && claims.iat <= claims.exp;
    holds.then_some(claims)
}

/// The refresh token `number` of a session.
pub fn refresh(key: &SigningKey, session: &str, number: u64) -> String {
    format!("rkr_{session}_{number}_{}", proof(key, session, number))
}

/// The session and number of a refresh token that one of `keys` made.
pub fn refresh_of(keys: &[SigningKey], token: &str) -> Option<(String, u64)> {
    let mut parts = token.strip_prefix("rkr_").filter(|_| token.len() <= BYTES_MAX)?.splitn(3, '_');
    let (session, number, shown) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    keys.iter().find(|key| same(&proof(key, session, number), shown))?;
    Some((session.to_owned(), number))
}

/// What proves that the hub made a refresh token: nothing of it is kept.
fn proof(key: &SigningKey, session: &str, number: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key.private);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, format!("refresh {session} {number}").as_bytes()))
}

/// `ring` as what signs and verifies; nothing else is known.
fn provide() {
    static ONCE: Once = Once::new();
    static PROVIDER: CryptoProvider =
        CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };
    ONCE.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}

struct Ring(Vec<u8>);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape is the library's")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::EdDSA {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Ring(key.as_bytes().to_vec())))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape is the library's")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    if *algorithm != Algorithm::EdDSA {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Ring(key.try_get_as_bytes()?.to_vec())))
}

impl Signer<Vec<u8>> for Ring {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let pair = Ed25519KeyPair::from_pkcs8(&self.0).map_err(|_| Error::new())?;
        Ok(pair.sign(message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtSigner for Ring {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_790_000_000_000_000;

    fn key() -> SigningKey {
        SigningKey::make(NOW_US).0
    }

    fn forged(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())))
    }

    fn claims(without: &str) -> String {
        let now = NOW_US / 1_000_000;
        let all = format!(
            r#"{{"iss":"rinkside","aud":"rinkside","sub":"u-1","sid":"s-1","iat":{now},"nbf":{now},"exp":{}}}"#,
            now + 300
        );
        let mut all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&all).unwrap();
        all.remove(without);
        serde_json::to_string(&all).unwrap()
    }

    #[test]
    fn a_token_holds_for_its_time() {
        let keys = [key()];
        let token = sign(&keys[0], ("u-1", "s-1"), NOW_US, 300);
        let at = |seconds: i64| verify(&keys, &token, NOW_US + seconds * 1_000_000).is_some();
        assert!(at(0) && at(299) && at(304) && at(-5));
        assert!(!at(305) && !at(-6) && !at(1 << 40));
        let said = verify(&keys, &token, NOW_US).unwrap();
        assert_eq!((said.sub.as_str(), said.sid.as_str()), ("u-1", "s-1"));
        assert!(verify(&[key()], &token, NOW_US).is_none(), "another hub's");
        assert!(verify(&keys, &"a".repeat(3_000), NOW_US).is_none());
    }

    #[test]
    fn other_algorithms_and_brought_keys_are_nothing() {
        let keys = [key()];
        let kid = &keys[0].kid;
        let pair = Ed25519KeyPair::from_pkcs8(&keys[0].private).unwrap();
        let ours = |message: &[u8]| pair.sign(message).as_ref().to_vec();
        let public = keys[0].public.clone();
        let with_public =
            move |message: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message).as_ref().to_vec();
        let (own, _) = SigningKey::make(NOW_US);
        let own_pair = Ed25519KeyPair::from_pkcs8(&own.private).unwrap();
        let theirs = |message: &[u8]| own_pair.sign(message).as_ref().to_vec();
        let refused = |what: &str, token: String| assert!(verify(&keys, &token, NOW_US).is_none(), "{what}");
        let good = forged(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), &claims(""), ours);
        assert!(verify(&keys, &good, NOW_US).is_some(), "the forge is right");
        refused("none", forged(&format!(r#"{{"alg":"none","kid":"{kid}"}}"#), &claims(""), |_| Vec::new()));
        refused(
            "HS256 with the public key",
            forged(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), &claims(""), with_public),
        );
        refused("no kid", forged(r#"{"alg":"EdDSA"}"#, &claims(""), ours));
        refused("a kid that is a path", forged(r#"{"alg":"EdDSA","kid":"../../dev/null"}"#, &claims(""), ours));
        refused("a kid that is a query", forged(r#"{"alg":"EdDSA","kid":"' OR 1=1 --"}"#, &claims(""), ours));
        let jku = format!(r#"{{"alg":"EdDSA","kid":"{kid}","jku":"https://evil.example/keys"}}"#);
        refused("a key from elsewhere", forged(&jku, &claims(""), theirs));
        let x = URL_SAFE_NO_PAD.encode(&own.public);
        let jwk = format!(r#"{{"alg":"EdDSA","kid":"{kid}","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#);
        refused("a key it brings", forged(&jwk, &claims(""), theirs));
        for claim in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp"] {
            refused(claim, forged(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), &claims(claim), ours));
        }
        let mut changed = good.clone().into_bytes();
        let middle = good.find('.').unwrap() + 5;
        changed[middle] ^= 1;
        refused("changed", String::from_utf8(changed).unwrap());
    }

    #[test]
    fn a_refresh_token_is_ours_and_tells_its_number() {
        let keys = [key(), key()];
        let token = refresh(&keys[1], "s-1", 7);
        assert_eq!(refresh_of(&keys, &token), Some(("s-1".to_owned(), 7)));
        assert_eq!(refresh_of(&keys[..1], &token), None);
        assert_eq!(refresh_of(&keys, &token.replace("_7_", "_8_")), None);
        assert_eq!(refresh_of(&keys, &token.replace("s-1", "s-2")), None);
        assert_eq!(refresh_of(&keys, "rkr_"), None);
    }
}
