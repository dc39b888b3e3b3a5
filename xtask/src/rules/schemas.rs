//! todo
use super::Notes;
use crate::tree::Node;
pub(super) fn types(_root: &mut Node, _notes: &mut Notes) {}
pub(super) fn limits(_root: &mut Node, _notes: &mut Notes) {}
pub(super) fn values(_root: &mut Node, _notes: &mut Notes) {}
pub(super) fn objects(_root: &mut Node, _notes: &mut Notes) {}
pub(super) fn compositions(_root: &mut Node, _notes: &mut Notes) {}
pub(super) fn extensions(_root: &mut Node, _notes: &mut Notes) {}
