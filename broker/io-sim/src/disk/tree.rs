//! The names of a simulated disk: those that reads see, and those that survive a crash.
//! It holds no content.

use std::collections::BTreeMap;

use kring_io::Random;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    /// The number of a file.
    File(u64),
}

#[derive(Clone, Debug)]
enum Change {
    Link(String, Node),
    Unlink(String),
    Rename(String, String),
}

/// Names by path. A change is visible at once and survives from the sync of its directory on; of
/// the changes of a directory that were not synced, a crash keeps the first few.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    visible: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    /// Directory, order, change.
    unsynced: Vec<(String, u64, Change)>,
}

impl Tree {
    pub(super) fn get(&self, path: &str) -> Option<Node> {
        self.visible.get(path).copied()
    }

    pub(super) fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || self.get(path) == Some(Node::Dir)
    }

    pub(super) fn link(&mut self, path: &str, node: Node, seq: u64) {
        self.change(Change::Link(path.to_owned(), node), seq);
    }

    pub(super) fn unlink(&mut self, path: &str, seq: u64) {
        self.change(Change::Unlink(path.to_owned()), seq);
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, seq: u64) {
        self.change(Change::Rename(from.to_owned(), to.to_owned()), seq);
    }

    /// Names directly within a directory, in order.
    pub(super) fn list(&self, dir: &str) -> Vec<(String, Node)> {
        self.visible
            .iter()
            .filter(|(path, _)| parent(path) == dir)
            .map(|(path, node)| {
                (
                    path[path.rfind('/').map_or(0, |i| i + 1)..].to_owned(),
                    *node,
                )
            })
            .collect()
    }

    /// All paths with their files.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.visible.iter().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.as_str(), *file)),
            Node::Dir => None,
        })
    }

    /// Whether a file has a name, now or after a crash.
    pub(super) fn names(&self, file: u64) -> bool {
        let is = |node: &Node| *node == Node::File(file);
        self.visible.values().any(is)
            || self.durable.values().any(is)
            || self
                .unsynced
                .iter()
                .any(|(_, _, c)| matches!(c, Change::Link(_, node) if is(node)))
    }

    /// Makes the changes of a directory durable that happened before `seq`.
    pub(super) fn sync(&mut self, dir: &str, seq: u64) {
        let (synced, rest) = std::mem::take(&mut self.unsynced)
            .into_iter()
            .partition(|(d, s, _)| d == dir && *s < seq);
        self.unsynced = rest;
        for (_, _, change) in synced {
            apply(&mut self.durable, &change);
        }
    }

    /// Power loss. Returns how many changes were lost.
    pub(super) fn crash(&mut self, random: &mut Random) -> u64 {
        let mut lost = 0;
        let mut cut: Vec<String> = Vec::new();
        for (dir, _, change) in std::mem::take(&mut self.unsynced) {
            if cut.contains(&dir) || random.below(2) == 0 {
                cut.push(dir);
                lost += 1;
            } else {
                apply(&mut self.durable, &change);
            }
        }
        // A name whose directory did not survive is not reachable.
        let all = self.durable.clone();
        self.durable
            .retain(|path, _| ancestors(path).all(|dir| all.get(dir) == Some(&Node::Dir)));
        self.visible = self.durable.clone();
        lost
    }

    fn change(&mut self, change: Change, seq: u64) {
        apply(&mut self.visible, &change);
        let (Change::Link(path, _) | Change::Unlink(path) | Change::Rename(path, _)) = &change;
        let dir = parent(path).to_owned();
        self.unsynced.push((dir, seq, change));
    }
}

/// The directory of a path; `""` for the top.
pub(super) fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn is_below(path: &str, top: &str) -> bool {
    path == top || (path.starts_with(top) && path.as_bytes().get(top.len()) == Some(&b'/'))
}

fn apply(names: &mut BTreeMap<String, Node>, change: &Change) {
    match change {
        Change::Link(path, node) => {
            names.insert(path.clone(), *node);
        }
        Change::Unlink(top) => names.retain(|path, _| !is_below(path, top)),
        Change::Rename(from, to) => {
            let moved: Vec<(String, Node)> = names
                .iter()
                .filter(|(path, _)| is_below(path, from))
                .map(|(path, node)| (path.clone(), *node))
                .collect();
            if moved.is_empty() {
                return;
            }
            names.retain(|path, _| !is_below(path, from) && !is_below(path, to));
            for (path, node) in moved {
                names.insert(format!("{to}{}", &path[from.len()..]), node);
            }
        }
    }
}
