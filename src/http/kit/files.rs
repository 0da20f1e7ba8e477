//! What pages load, as it is kept in the binary: plain, or packed with gzip and unpacked once for who does not take that.

use crate::error::{Error, Result};
use crate::http::Node;
use crate::limits::household;
use crate::net::unread::{Parts, Reader};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, AcceptEncoding, Encoding, EntityTag, Header, HeaderValue, IfNoneMatch, TryIntoHeaderValue,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::net::IpAddr;
use std::sync::OnceLock;

/// As `Content-Type` has them.
pub const PAGE: &str = "text/html; charset=utf-8";
pub const SCRIPT: &str = "text/javascript; charset=utf-8";
pub const STYLE: &str = "text/css; charset=utf-8";

/// A file of a page.
pub struct File {
    /// What the page calls it.
    pub name: &'static str,
    content_type: String,
    is_packed: bool,
    bytes: Bytes,
    tag: String,
    unpacked: OnceLock<Option<Bytes>>,
}

/// A file as one client gets it.
struct Sent<'a> {
    /// All of it.
    bytes: &'a Bytes,
    /// Whether these are packed.
    is_packed: bool,
    /// Names exactly these bytes.
    tag: EntityTag,
}

impl File {
    /// One that is kept as it is sent.
    pub fn plain(name: &'static str, content_type: impl Into<String>, bytes: Bytes) -> Self {
        let tag = Sha256::digest(&bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { name, content_type: content_type.into(), is_packed: false, bytes, tag, unpacked: OnceLock::new() }
    }

    /// One that is kept packed.
    pub fn packed(name: &'static str, content_type: impl Into<String>, bytes: &'static [u8]) -> Self {
        Self { is_packed: true, ..Self::plain(name, content_type, Bytes::from_static(bytes)) }
    }

    /// The answer to who asks for it, from `address`: all of it, or that it has not changed. For how long it is kept is `cache`'s.
    ///
    /// # Errors
    /// `busy` when too much is unread already.
    pub fn answer(
        &self,
        request: &HttpRequest,
        node: &Node,
        address: IpAddr,
        cache: &'static str,
    ) -> Result<HttpResponse> {
        let sent = self.sent(request).ok_or(Error::Internal)?;
        let is_known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(known)) => known.iter().any(|tag| tag.weak_eq(&sent.tag)),
            Err(_) => false,
        };
        let mut answer = match is_known {
            true => HttpResponse::NotModified().finish(),
            false => shared(node, address, &self.content_type, sent.bytes)?,
        };
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        if let Ok(tag) = sent.tag.try_into_value() {
            headers.insert(header::ETAG, tag);
        }
        if self.is_packed {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if sent.is_packed && answer.status() == StatusCode::OK {
            answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(answer)
    }

    /// As the client takes it; `None` if it cannot be unpacked.
    fn sent(&self, request: &HttpRequest) -> Option<Sent<'_>> {
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

/// Bytes that all answers share, counted to the address that reads them slowly.
///
/// # Errors
/// `busy` when too much is unread already.
pub fn shared(node: &Node, address: IpAddr, content_type: &str, bytes: &Bytes) -> Result<HttpResponse> {
    let reader = Reader::Address(household(address));
    let parts = Parts::shared(bytes.clone(), &node.unread, reader)?;
    Ok(HttpResponse::Ok().content_type(content_type).body(parts))
}

fn unpack(bytes: &[u8]) -> Option<Bytes> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).ok()?;
    Some(unpacked.into())
}
