//! What the pages load, as it is kept in the binary: plain, or packed with gzip and unpacked once for who does not take that.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptEncoding, Encoding, EntityTag, Header};
use actix_web::web::Bytes;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::sync::OnceLock;

/// A file of a page.
pub struct File {
    /// What the page calls it.
    pub name: &'static str,
    /// As in `Content-Type`.
    pub content_type: String,
    /// Whether its bytes are packed.
    pub is_packed: bool,
    bytes: Bytes,
    tag: String,
    unpacked: OnceLock<Option<Bytes>>,
}

/// A file as one client gets it.
pub struct Sent<'a> {
    /// All of it.
    pub bytes: &'a Bytes,
    /// Whether these are packed.
    pub is_packed: bool,
    /// Names exactly these bytes.
    pub tag: EntityTag,
}

impl File {
    /// One that is kept as it is sent.
    pub fn plain(name: &'static str, content_type: String, bytes: Bytes) -> Self {
        let tag = Sha256::digest(&bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { name, content_type, is_packed: false, bytes, tag, unpacked: OnceLock::new() }
    }

    /// One that is kept packed.
    pub fn packed(name: &'static str, content_type: String, bytes: Bytes) -> Self {
        Self { is_packed: true, ..Self::plain(name, content_type, bytes) }
    }

    /// As the client takes it; `None` if it cannot be unpacked.
    pub fn sent(&self, request: &HttpRequest) -> Option<Sent<'_>> {
        let takes = AcceptEncoding::parse(request).ok();
        let best = takes.and_then(|takes| takes.negotiate([Encoding::gzip(), Encoding::identity()].iter()));
        if !self.is_packed || best == Some(Encoding::gzip()) {
            return Some(Sent {
                bytes: &self.bytes,
                is_packed: self.is_packed,
                tag: EntityTag::new_strong(self.tag.clone()),
            });
        }
        let bytes = self.unpacked.get_or_init(|| unpack(&self.bytes)).as_ref()?;
        Some(Sent { bytes, is_packed: false, tag: EntityTag::new_strong(format!("{}-unpacked", self.tag)) })
    }
}

fn unpack(bytes: &[u8]) -> Option<Bytes> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).ok()?;
    Some(unpacked.into())
}
