//! The signing key that a node makes for itself when nobody gives it one.

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const FILE: &str = "secret_key";
/// What keeps this use of the key apart from all others.
const PROOF: &[u8] = b"madang node's key\0";
/// The least bytes of a signing key.
pub const KEY_BYTES_MIN: usize = 32;

/// The key kept in `data_dir`, made at random the first time: 64 hexadecimal digits in a file that only its owner reads.
///
/// # Errors
/// When the file can be neither read nor made, or holds too little.
pub fn load_or_make(data_dir: &Path) -> io::Result<SecretString> {
    fs::create_dir_all(data_dir)?;
    let path = data_dir.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().len() >= KEY_BYTES_MIN => Ok(SecretString::from(text.trim())),
        Ok(_) => Err(io::Error::other(format!("{} is too short; delete it to have a new one made", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path),
        Err(error) => Err(error),
    }
}

/// Says of a key whether another one is the same, and nothing else of it.
///
/// # Errors
/// When the key cannot be one.
pub fn proof(key: &SecretString) -> Result<String, InvalidLength> {
    let proof = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())?.chain_update(PROOF);
    Ok(super::hex(&proof.finalize().into_bytes()))
}

fn make(path: &Path) -> io::Result<SecretString> {
    let secret: String = super::hex(&rand::random::<[u8; 32]>());
    // Written aside and renamed: a crash leaves no half key.
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    Ok(SecretString::from(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = load_or_make(folder.path()).expect("made");
        let again = load_or_make(folder.path()).expect("read");
        assert_eq!(first.expose_secret(), again.expose_secret());
        assert_eq!(first.expose_secret().len(), 64);
        let mode = fs::metadata(folder.path().join(FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.path().join(FILE), "short").expect("written");
        assert!(load_or_make(folder.path()).is_err());
    }
}
