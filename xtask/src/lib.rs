//! The project's own tasks. `spec import` makes `openapi.yaml` of the vendor's pages, `spec check` proves that it is
//! current and that the library agrees with it.
//!
//! Nothing here depends on the library, so that a document whose generated code does not compile can still be explained.

pub mod check;
pub mod compare;
pub mod drift;
pub mod emit;
pub mod error;
mod facts;
pub mod flow;
pub mod ident;
pub mod import;
mod library;
pub mod lift;
mod list;
pub mod merge;
pub mod names;
pub mod notes;
pub mod page;
pub mod patch;
mod reference;
pub mod repair;
pub mod roles;
pub mod roots;
pub mod rules;
mod text;
pub mod tree;
pub mod update;
