//! Which items of two lists are the same one.

use std::collections::BTreeMap;

/// Something that two items have in common when one became the other.
pub(super) type Way<'w, T> = &'w dyn Fn(&T) -> Option<String>;

/// Which item became which, by index, and what is left on either side.
#[derive(Debug, Clone, Default)]
pub(super) struct Paired {
    pub pairs: Vec<(usize, usize)>,
    pub gone: Vec<usize>,
    pub come: Vec<usize>,
}

impl Paired {
    /// Joins items by one way after the other. Those that share a key are joined in their order; if keys are `unique`,
    /// a key that several share says nothing.
    pub fn by<T>(old: &[T], new: &[T], ways: &[Way<'_, T>], unique: bool) -> Self {
        let mut paired = Self { pairs: Vec::new(), gone: (0..old.len()).collect(), come: (0..new.len()).collect() };
        for way in ways {
            let (here, mut there) = (keyed(old, &paired.gone, *way), keyed(new, &paired.come, *way));
            for (key, from) in here {
                let to = there.remove(&key).unwrap_or_default();
                if !unique || (from.len(), to.len()) == (1, 1) {
                    from.into_iter().zip(to).for_each(|(one, other)| paired.join(one, other));
                }
            }
        }
        paired.pairs.sort_unstable();
        paired
    }

    /// Whether each item has a counterpart.
    pub fn is_complete(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty()
    }

    /// All ways to join what is left.
    pub fn left(&self) -> Vec<(usize, usize)> {
        self.gone.iter().flat_map(|one| self.come.iter().map(|other| (*one, *other))).collect()
    }

    /// Joins two items, unless one of them has a counterpart by now.
    pub fn join(&mut self, one: usize, other: usize) {
        if self.gone.contains(&one) && self.come.contains(&other) {
            self.gone.retain(|index| *index != one);
            self.come.retain(|index| *index != other);
            self.pairs.push((one, other));
        }
    }

    /// Joins what is left in its order.
    pub fn join_rest(&mut self) {
        self.pairs.extend(self.gone.drain(..).zip(self.come.drain(..)));
        self.pairs.sort_unstable();
    }
}

fn keyed<T>(list: &[T], indices: &[usize], way: Way<'_, T>) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for index in indices {
        if let Some(key) = list.get(*index).and_then(way) {
            found.entry(key).or_default().push(*index);
        }
    }
    found
}
