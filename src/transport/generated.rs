//! The raw client, as progenitor writes it from `openapi.yaml` when the crate is compiled.
//!
//! Nothing here is edited: a new document regenerates it. With the feature `raw` it is public as `kling_client::raw`,
//! outside semver; without, it is private to the facade. `tests/golden/` holds its digest.

#![allow(
    missing_docs,
    clippy::all,
    dead_code,
    unused_imports,
    reason = "generated from the vendor's document, of which the facade uses a part"
)]
#![allow(
    rustdoc::invalid_html_tags,
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the vendor's words"
)]

include!(concat!(env!("OUT_DIR"), "/generated.rs"));
