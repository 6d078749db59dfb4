//! A value for each of many offsets of one partition, dense where offsets are and empty elsewhere.
//! A wrong offset, however large, costs one page.

use std::collections::BTreeMap;

const PAGE: i64 = 512;

/// Values by offset.
#[derive(Debug)]
pub(super) struct Offsets<T> {
    pages: BTreeMap<i64, Box<[Option<T>]>>,
}

impl<T> Default for Offsets<T> {
    fn default() -> Offsets<T> {
        Offsets {
            pages: BTreeMap::new(),
        }
    }
}

impl<T: Copy> Offsets<T> {
    /// The place of an offset's value.
    pub(super) fn slot(&mut self, offset: i64) -> &mut Option<T> {
        let page = self
            .pages
            .entry(offset.div_euclid(PAGE))
            .or_insert_with(|| vec![None; PAGE as usize].into_boxed_slice());
        &mut page[offset.rem_euclid(PAGE) as usize]
    }

    /// Every offset that has a value, with it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, T)> {
        self.pages.iter().flat_map(|(page, values)| {
            let first = page * PAGE;
            let all = (first..).zip(values.iter());
            all.filter_map(|(offset, value)| Some((offset, (*value)?)))
        })
    }
}
