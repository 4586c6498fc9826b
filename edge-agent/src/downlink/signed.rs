//! Whether an order is from the hub this box was enrolled with, and for this box.

use firmware_protocol::network::{self, Order, SignedOrder, command::SIGNED};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::path::Path;

/// The order in `signed`, which must be signed by the authority whose certificate is in the file `authority`, and for the
/// box called `name`; else the reason.
pub(super) fn verify(authority: &Path, name: &str, signed: &SignedOrder) -> Result<Order, String> {
    let told = |reason: &dyn std::fmt::Display| format!("{}: {reason}", authority.display());
    let certificate = CertificateDer::from_pem_file(authority).map_err(|error| told(&error))?;
    let certificate = webpki::EndEntityCert::try_from(&certificate).map_err(|error| told(&error))?;
    certificate
        .verify_signature(webpki::ring::ECDSA_P256_SHA256, &[SIGNED, &signed.order].concat(), &signed.signature)
        .map_err(|_| "an order that this box's hub did not sign".to_owned())?;
    let order: Order = network::decode(&signed.order).map_err(|error| format!("a signed order: {error}"))?;
    if order.name != name {
        return Err(format!("order {} is for {}, this box is {name}", order.number, order.name));
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::network::Command;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SigningKey as _};

    fn authority(folder: &Path, name: &str) -> (KeyPair, std::path::PathBuf) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let path = folder.join(name);
        std::fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
        (key, path)
    }

    #[test]
    fn tampered_with_of_another_hub_or_for_another_box_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (key, own) = authority(folder.path(), "own.pem");
        let (_, other) = authority(folder.path(), "other.pem");
        let order =
            Order { name: "oak.box-1.7".into(), number: 3, command: network::encode(&Command::GameStart { game: 9 }) };
        let bytes = network::encode(&order);
        let signed = |bytes: &[u8], said: &[u8]| SignedOrder {
            order: bytes.to_vec(),
            signature: key.sign(&[said, bytes].concat()).unwrap(),
        };
        let good = signed(&bytes, SIGNED);
        assert_eq!(verify(&own, "oak.box-1.7", &good), Ok(order));
        assert!(verify(&other, "oak.box-1.7", &good).unwrap_err().contains("did not sign"));
        assert!(verify(&own, "oak.box-1.8", &good).unwrap_err().contains("this box is oak.box-1.8"));
        assert!(verify(&own, "oak.box-1.7", &signed(&bytes, b"")).is_err(), "signed for something else");
        for index in 0..bytes.len() {
            let mut tampered = good.clone();
            tampered.order[index] ^= 1;
            assert!(verify(&own, "oak.box-1.7", &tampered).is_err(), "byte {index}");
        }
        assert!(verify(&folder.path().join("none"), "oak.box-1.7", &good).is_err());
    }
}
