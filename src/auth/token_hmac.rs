//! HMAC for `jsonwebtoken`, and nothing else.
//!
//! The crate's own `rust_crypto` provider pulls in `rsa`, which has an open advisory (RUSTSEC-2023-0071), and curves
//! that no token of ours uses. With this provider a token of any other family cannot even be checked.

use hmac::digest::block_api::EagerHash;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sha2::{Sha256, Sha384, Sha512};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| signer(*algorithm, key),
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the process's provider. Calling it again changes nothing.
pub fn install() {
    // An error means that it is installed already.
    let _ = PROVIDER.install_default();
}

struct Keyed<D: EagerHash> {
    mac: Hmac<D>,
    algorithm: Algorithm,
}

impl<D: EagerHash> Keyed<D> {
    fn new(secret: &[u8], algorithm: Algorithm) -> Result<Box<Self>> {
        let mac = Hmac::new_from_slice(secret).map_err(|_| ErrorKind::InvalidKeyFormat)?;
        Ok(Box::new(Self { mac, algorithm }))
    }
}

impl<D: EagerHash> Signer<Vec<u8>> for Keyed<D> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.mac.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl<D: EagerHash> Verifier<Vec<u8>> for Keyed<D> {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.mac.clone().chain_update(message).verify_slice(tag).map_err(|_| signature::Error::new())
    }
}

impl<D: EagerHash> JwtSigner for Keyed<D> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl<D: EagerHash> JwtVerifier for Keyed<D> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    let secret = key.as_bytes();
    Ok(match algorithm {
        Algorithm::HS256 => Keyed::<Sha256>::new(secret, algorithm)?,
        Algorithm::HS384 => Keyed::<Sha384>::new(secret, algorithm)?,
        Algorithm::HS512 => Keyed::<Sha512>::new(secret, algorithm)?,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    })
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let secret = key.try_get_as_bytes()?;
    Ok(match algorithm {
        Algorithm::HS256 => Keyed::<Sha256>::new(secret, algorithm)?,
        Algorithm::HS384 => Keyed::<Sha384>::new(secret, algorithm)?,
        Algorithm::HS512 => Keyed::<Sha512>::new(secret, algorithm)?,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    })
}
