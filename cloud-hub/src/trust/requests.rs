//! Opens the certificate signing requests of boxes.
//!
//! Comes in: PEM from strangers. Goes out: the public key in it, once it has signed the request, so that nobody gets a
//! certificate for a key he does not hold. Only ECDSA on P-256: what boxes make. Names and wishes in it are ignored.

use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_parser::{certification_request::X509CertificationRequest, pem::parse_x509_pem, prelude::FromDer as _};

/// An uncompressed point of P-256: 4, x, y.
const POINT_BYTES: usize = 65;

/// A box's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxKey(Vec<u8>);

impl BoxKey {
    /// The key that made the request in `pem`.
    pub fn of_request(pem: &str) -> Result<Self, String> {
        let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|error| format!("the request is no PEM: {error}"))?;
        let (rest, request) = X509CertificationRequest::from_der(&block.contents)
            .map_err(|error| format!("the request does not open: {error}"))?;
        if !rest.is_empty() {
            return Err("the request goes on after its end".into());
        }
        let point = &request.certification_request_info.subject_pki.subject_public_key.data;
        if point.len() != POINT_BYTES || point[0] != 4 {
            return Err("the request's key is not ECDSA on P-256".into());
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(request.certification_request_info.raw, &request.signature_value.data)
            .map_err(|_| "the request is not signed by its own key".to_owned())?;
        Ok(Self(point.to_vec()))
    }
}

impl PublicKeyData for BoxKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};

    fn request(key: &KeyPair) -> rcgen::CertificateSigningRequest {
        CertificateParams::default().serialize_request(key).unwrap()
    }

    #[test]
    fn only_the_holder_of_a_key_gets_it_certified() {
        let key = KeyPair::generate().unwrap();
        let text = request(&key).pem().unwrap();
        assert_eq!(BoxKey::of_request(&text).unwrap().der_bytes(), key.public_key_raw());
        let other = request(&KeyPair::generate_for(&PKCS_ED25519).unwrap()).pem().unwrap();
        let mut forged = request(&key).der().to_vec();
        let end = forged.len() - 1;
        forged[end] ^= 1;
        let point = key.public_key_raw();
        let at = request(&key).der().windows(point.len()).position(|window| window == point).unwrap();
        let mut stolen = request(&key).der().to_vec();
        stolen[at..at + point.len()].copy_from_slice(KeyPair::generate().unwrap().public_key_raw());
        for (text, words) in [
            (String::new(), "no PEM"),
            ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n".into(), "not open"),
            (other, "not ECDSA"),
            (pem(&forged), "not signed"),
            (pem(&stolen), "not signed"),
        ] {
            let reason = BoxKey::of_request(&text).unwrap_err();
            assert!(reason.contains(words), "{reason}");
        }
    }

    /// PEM of `der`, without a library for it: base 64.
    fn pem(der: &[u8]) -> String {
        const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::from("-----BEGIN CERTIFICATE REQUEST-----\n");
        for (index, three) in der.chunks(3).enumerate() {
            let word = three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for place in 0..4 {
                let symbol = SYMBOLS[(word >> (18 - 6 * place)) as usize & 63];
                text.push(if place > three.len() { '=' } else { char::from(symbol) });
            }
            if index % 16 == 15 {
                text.push('\n');
            }
        }
        text + "\n-----END CERTIFICATE REQUEST-----\n"
    }
}
