//! The style sheet, the scripts and the mark: part of the program, named by what is in them.

use std::fmt;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A file that pages refer to.
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static str,
    /// Changes with the content, so that browsers may keep it for ever.
    address: LazyLock<String>,
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asset").field("name", &self.name).finish_non_exhaustive()
    }
}

macro_rules! asset {
    ($name:ident, $file:literal, $kind:literal) => {
        pub(crate) static $name: Asset = Asset {
            name: $file,
            kind: $kind,
            body: include_str!(concat!("../assets/", $file)),
            address: LazyLock::new(|| address(&$name)),
        };
    };
}

asset!(STYLE, "style.css", "text/css; charset=utf-8");
asset!(SCRIPT, "sightline.js", "text/javascript; charset=utf-8");
asset!(MARK, "mark.svg", "image/svg+xml");

static ALL: [&Asset; 3] = [&STYLE, &SCRIPT, &MARK];

fn address(asset: &Asset) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, asset.body.as_bytes());
    let version = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..6]);
    format!("/assets/{version}/{}", asset.name)
}

impl Asset {
    /// Where it is served.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// Serves an asset; a version that this program does not have is not there.
pub(crate) async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let wanted = format!("/assets/{version}/{name}");
    let Some(asset) = ALL.iter().find(|asset| asset.address() == wanted) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.body).into_response()
}
